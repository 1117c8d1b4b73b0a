import { expect, it } from "vitest";
import { fakeClock } from "../testing/fake-clock.ts";
import { keepAlive } from "./keep-alive.ts";

/** A stream that is kept alive every second, with what it reads from. */
function setUp() {
  const clock = fakeClock();
  const cancelled: unknown[] = [];
  let source: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => void (source = controller),
    cancel: (reason) => void cancelled.push(reason),
  });
  const reader = keepAlive(body, { everyMs: 1_000, comment: ": alive\n\n", clock }).getReader();
  const said: string[] = [];
  /** Reads until the end. */
  async function readAll(): Promise<void> {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return void said.push("end");
      said.push(new TextDecoder().decode(value));
    }
  }
  const send = (text: string): void => source?.enqueue(new TextEncoder().encode(text));
  return {
    clock,
    cancelled,
    reader,
    said,
    readAll,
    send,
    end: () => source?.close(),
    fail: () => source?.error(new Error("planted")),
  };
}

it("P-10: a stream that is silent says a comment again and again, passes on what it reads, and ends what it reads from", async () => {
  const { clock, cancelled, reader, said, readAll, send } = setUp();
  void readAll();
  await clock.advance(60_000);
  send("ready\n\n");
  await clock.advance(2_999);
  expect(said).toEqual(["ready\n\n", ": alive\n\n", ": alive\n\n"]);
  send("data: 1\n\n");
  await clock.advance(999);
  expect(said.slice(3)).toEqual(["data: 1\n\n"]);
  await clock.advance(1);
  expect(said.slice(4)).toEqual([": alive\n\n"]);
  await reader.cancel("left");
  expect([cancelled, clock.pending]).toEqual([["left"], 0]);
});

it("P-10: it ends, and fails, with what it reads from", async () => {
  const ended = setUp();
  void ended.readAll();
  ended.send("data: 1\n\n");
  ended.end();
  await ended.clock.advance(0);
  expect([ended.said, ended.clock.pending]).toEqual([["data: 1\n\n", "end"], 0]);
  const failed = setUp();
  const reading = failed.readAll();
  failed.fail();
  await expect(reading).rejects.toThrow("planted");
  expect(failed.clock.pending).toBe(0);
});

it("leaves no timer with who takes nothing more of a stream that is silent", async () => {
  const { clock, reader, send } = setUp();
  send("ready\n\n");
  await reader.read();
  await clock.advance(60_000);
  expect(clock.pending).toBe(0);
});

it("leaves no timer with who stops reading and never cancels, and goes on with who was only behind", async () => {
  const { clock, said, readAll, send, end } = setUp();
  send("data: 1\n\n");
  send("data: 2\n\n");
  await clock.advance(60_000);
  expect(clock.pending).toBe(0);
  end();
  await clock.advance(60_000);
  expect(clock.pending).toBe(0);
  void readAll();
  await clock.advance(0);
  expect(said).toEqual(["data: 1\n\n", "data: 2\n\n", "end"]);
});
