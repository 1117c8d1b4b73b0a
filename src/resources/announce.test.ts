import { expect, it, onTestFinished, vi } from "vitest";
import { TidingsError } from "../index.ts";
import { announceWritten } from "./announce.ts";

it("a write waits for what tells of it, but not while that is known to be in trouble", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  onTestFinished(() => warn.mockRestore());
  const settle: Array<(error?: Error) => void> = [];
  const publisher = {
    publish: () => new Promise<void>((resolve, reject) => settle.push((error) => (error ? reject(error) : resolve()))),
  };
  let written = 0;
  const write = (): Promise<unknown> => announceWritten(publisher, "resource.orders", {}).then(() => written++);
  const away = new TidingsError("not_stored", "Redis is away.");

  const first = write();
  await new Promise(setImmediate);
  expect(written).toBe(0);
  settle[0]?.(away);
  await first;
  expect([written, warn.mock.calls.length]).toEqual([1, 1]);

  await write();
  await write();
  expect(written).toBe(3);
  settle[1]?.(away);
  settle[2]?.();
  await new Promise(setImmediate);
  expect(warn).toHaveBeenCalledOnce();

  const last = write();
  await new Promise(setImmediate);
  expect(written).toBe(3);
  settle[3]?.();
  await last;
  expect(written).toBe(4);
});
