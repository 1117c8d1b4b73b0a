import { createSseParser } from "../sse-parser.ts";
import { warn } from "../report.ts";
import { readFrame } from "../wire.ts";
import { request } from "./request.ts";
import type { Transport } from "./transport.ts";

/** One response that does not end, read with `fetch`: it can send headers, and sees comments and status codes; an `EventSource` does neither. */
export const streaming: Transport = async (link) => {
  const response = await request(link, "text/event-stream", [...link.asked.values()].join());
  if (typeof response === "number") return response;
  const parse = createSseParser((event, data) => {
    const frame = readFrame(event, data);
    if (frame) link.hear(frame);
    void warn(() => (frame ? "" : `a frame that cannot be understood is skipped: ${event} ${data.slice(0, 200)}`));
  });
  const reader = (response.body as ReadableStream<Uint8Array<ArrayBuffer>>).pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return 0;
    link.alive();
    parse(value);
  }
};
