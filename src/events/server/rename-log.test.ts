import { describe, expect, it } from "vitest";
import { renameLog } from "./rename-log.ts";

const event = (channel: string, json: string, id = ""): string =>
  `${id}data: {"id":"1-0","channel":"${channel}","event":"n","data":${json}}\n\n`;

/** A stream of these chunks. */
function streamOf(chunks: readonly Uint8Array[]): Response {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

describe("a log under another name", () => {
  it("is named so in whatever frame tells of it, with data byte for byte, however the bytes are cut", async () => {
    const frames = (name: string): string =>
      [
        "retry: 1000\n:\n\n",
        `event: connected\ndata: {"channel":"${name}","cursor":"0-0"}\n\n`,
        event("channel:a", '{"channel":"user:u~1"}'),
        event(name, '{"channel":"user:u~1","text":"ä😀\\n\u2028"}', "id: 1-0\n"),
        `event: problem\ndata: {"code":"forbidden","channel":"${name}","retry":false}\n\n`,
        event(name, JSON.stringify("x".repeat(3_000))),
      ].join("");
    const bytes = new TextEncoder().encode(frames("user:u~1"));
    for (const size of [1, 2, 7, 1_000, bytes.length]) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.subarray(n * size, (n + 1) * size));
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await (await renameLog(streamOf(chunks), "user:u~1", "user")).text()).toBe(frames("user"));
    }
  });

  it("leaves the bytes of other logs the same object", async () => {
    const bytes = new TextEncoder().encode(event("channel:a", "1") + event("channel:b", "2"));
    const renamed = await renameLog(streamOf([bytes]), "user:u1", "user");
    const { value } = await (renamed.body as ReadableStream<Uint8Array>).getReader().read();
    expect(value).toBe(bytes);
  });
});
