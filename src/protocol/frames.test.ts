import { createParser, type EventSourceMessage } from "eventsource-parser";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RealtimeCursor } from "./cursor.ts";
import {
  connectedFrame,
  eventFrame,
  gapFrame,
  HEARTBEAT_FRAME,
  idLine,
  pageBody,
  pageEvent,
  pageFrame,
  positionFrame,
  problemFrame,
  reconnectFrame,
  streamPositionFrame,
} from "./frames.ts";

const id = (text: string): RealtimeCursor => text as RealtimeCursor;

/** What an independent parser of the standard makes of a stream's text. */
function parse(text: string): { messages: EventSourceMessage[]; comments: number; retries: number[] } {
  const messages: EventSourceMessage[] = [];
  const retries: number[] = [];
  let comments = 0;
  const parser = createParser({
    onEvent: (message) => messages.push(message),
    onComment: () => comments++,
    onRetry: (ms) => retries.push(ms),
    onError: (error) => {
      throw error;
    },
  });
  // As it goes over the wire: UTF-8 has no lone surrogates.
  parser.feed(new TextDecoder().decode(new TextEncoder().encode(text)));
  return { messages, comments, retries };
}

/** Strings that have broken frames elsewhere, and any others. */
const hostile = fc.oneof(
  fc.constantFrom(
    ...["\n", "\r", "\r\n", "\n\n", "\r\n\r\n", "\0", "\u2028\u2029", "\ud800", "\udc00", "\ufeff", "\v\f\u0085"],
    ...["\n\ndata: forged\n\n", "\nevent: forged\n", "\rid: 9-9\r", "\nretry: 0\n", ": not a comment", "data:", '"}\n\n{"'],
  ),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ maxLength: 40 }),
);
const hostileText = fc.array(hostile, { maxLength: 6 }).map((parts) => parts.join(""));

describe("frames", () => {
  it("I10 Text: any payload comes out of a parser of the standard as it went in, in one message", () => {
    const data = fc.oneof(hostileText, fc.jsonValue(), fc.dictionary(hostileText, hostileText));
    fc.assert(
      fc.property(data, (data) => {
        const fields = { id: id("5-1"), channel: "room:1", event: "chat.message", json: JSON.stringify(data) };
        const { messages, comments, retries } = parse(idLine("5-1") + eventFrame(fields));
        expect(messages).toHaveLength(1);
        expect(messages[0]).toMatchObject({ id: "5-1", event: undefined });
        expect(JSON.parse(messages[0]?.data ?? "")).toEqual({
          id: "5-1",
          channel: "room:1",
          event: "chat.message",
          data: JSON.parse(fields.json) as unknown,
        });
        expect(comments + retries.length).toBe(0);
      }),
    );
  });

  it("I10 Text: whatever text a log holds in the place of JSON, a frame is one message and no other field", () => {
    fc.assert(
      fc.property(hostileText, hostileText, (json, other) => {
        const fields = { channel: "room:1", event: "chat.message" };
        const stream =
          eventFrame({ ...fields, id: id("5-1"), json }) +
          eventFrame({ ...fields, id: id("5-2"), json: JSON.stringify(other) });
        const { messages, comments, retries } = parse(stream);
        expect(messages).toHaveLength(2);
        for (const message of messages) expect([message.id, message.event]).toEqual([undefined, undefined]);
        expect(JSON.parse(messages[1]?.data ?? "")).toHaveProperty("data", other);
        expect(comments + retries.length).toBe(0);
      }),
    );
  });

  it("I10 Text: JSON that was written over several lines stays what it was", () => {
    for (const lineBreak of ["\n", "\r", "\r\n"]) {
      const json = `{${lineBreak}  "a": 1${lineBreak}}`;
      const { messages } = parse(eventFrame({ id: id("5-1"), channel: "c", event: "e.v", json }));
      expect(messages).toHaveLength(1);
      expect(JSON.parse(messages[0]?.data ?? "")).toHaveProperty("data", { a: 1 });
    }
  });

  it("I10 Text: any payload comes out of a page as it went in, as the object of its frame in a stream", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(hostileText, fc.jsonValue(), fc.dictionary(hostileText, hostileText))), (payloads) => {
        const fields = payloads.map((data) => ({
          ...{ id: id("5-1"), channel: "room:1", event: "chat.message" },
          json: JSON.stringify(data, undefined, "\r\n"),
        }));
        const gap = { channel: "room:1", after: id("1-0"), cursor: id("2-0"), reason: "reset" } as const;
        const frames = [...fields.map(pageEvent), pageFrame({ type: "gap", ...gap })];
        const body = new TextDecoder().decode(new TextEncoder().encode(pageBody("5-1,,-", frames)));
        const { messages } = parse(fields.map(eventFrame).join("") + gapFrame(gap));
        expect(JSON.parse(body)).toEqual({
          at: "5-1,,-",
          frames: messages.map(({ event = "event", data }) => ({ type: event, ...(JSON.parse(data) as object) })),
        });
      }),
    );
  });

  it("writes the named frames that PROTOCOL.md lists", () => {
    const frames = [
      connectedFrame({ channel: "room:1", cursor: id("1-0"), tail: id("2-0"), heartbeatMs: 15_000 }),
      gapFrame({ channel: "room:1", after: id("1-0"), cursor: id("2-0"), reason: "trimmed" }),
      positionFrame("room:1", id("3-0")),
      reconnectFrame({ delayMs: 250 }),
      problemFrame({ code: "forbidden", channel: "room:1", retry: false }),
      streamPositionFrame(["3-0", "", "-5"]),
      HEARTBEAT_FRAME,
    ];
    const { messages, comments } = parse(frames.join(""));
    expect(messages.map(({ event, id, data }) => [event, id, JSON.parse(data) as unknown])).toEqual([
      ["connected", undefined, { channel: "room:1", cursor: "1-0", tail: "2-0", heartbeatMs: 15_000 }],
      ["gap", undefined, { channel: "room:1", after: "1-0", cursor: "2-0", reason: "trimmed" }],
      ["position", undefined, { channel: "room:1", cursor: "3-0" }],
      ["reconnect", undefined, { delayMs: 250 }],
      ["problem", undefined, { code: "forbidden", channel: "room:1", retry: false }],
      ["position", "3-0,,-5", {}],
    ]);
    expect(comments).toBe(1);
  });
});
