import { expect, it } from "vitest";
import { keepAlive } from "./keep-alive.ts";

it("P-10: a stream that is silent says a comment again and again, passes on what it reads, and ends what it reads from", async () => {
  let source: ReadableStreamDefaultController<Uint8Array> | undefined;
  let cancelled: unknown;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => void (source = controller),
    cancel: (reason) => void (cancelled = reason),
  });
  const reader = keepAlive(body, 5, ": alive\n\n").getReader();
  const decoder = new TextDecoder();
  const next = async (): Promise<string> => decoder.decode((await reader.read()).value);
  expect([await next(), await next(), await next()]).toEqual([": alive\n\n", ": alive\n\n", ": alive\n\n"]);
  source?.enqueue(new TextEncoder().encode("data: 1\n\n"));
  let said = await next();
  while (said === ": alive\n\n") said = await next();
  expect(said).toBe("data: 1\n\n");
  await reader.cancel("left");
  expect(cancelled).toBe("left");
});

it("P-10: it ends with what it reads from", async () => {
  const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.close() });
  expect(await new Response(keepAlive(body, 60_000, ": alive\n\n")).text()).toBe("");
});
