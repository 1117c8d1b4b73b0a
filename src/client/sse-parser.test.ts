import { createParser } from "eventsource-parser";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { connectedFrame, eventFrame, HEARTBEAT_FRAME, positionFrame } from "../protocol/frames.ts";
import { createSseParser } from "./sse-parser.ts";
import type { RealtimeCursor } from "../protocol/cursor.ts";

type Message = readonly [event: string, data: string];

function parse(pieces: readonly string[]): Message[] {
  const messages: Message[] = [];
  const feed = createSseParser((event, data) => messages.push([event, data]));
  for (const piece of pieces) feed(piece);
  return messages;
}

/** Somebody else's parser. */
function parseElsewhere(pieces: readonly string[]): Message[] {
  const messages: Message[] = [];
  const parser = createParser({ onEvent: ({ event = "", data }) => messages.push([event, data]) });
  for (const piece of pieces) parser.feed(piece);
  return messages;
}

/** Cuts a text at the given places. */
function cut(text: string, places: readonly number[]): string[] {
  const ends = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  return [...ends, text.length].map((end, index) => text.slice(index === 0 ? 0 : ends[index - 1], end));
}

const cursor = "1700000000000-0" as RealtimeCursor;

describe("the parser of event streams", () => {
  it.each<[string, string, Message[]]>([
    ["an unnamed message", "data: a\n\n", [["", "a"]]],
    [
      "a named one, in either order",
      "data: a\nevent: gap\n\nevent: gap\ndata: b\n\n",
      [
        ["gap", "a"],
        ["gap", "b"],
      ],
    ],
    ["several lines of data", "data: a\ndata:\ndata: b\n\n", [["", "a\n\nb"]]],
    [
      "one space after the colon, and no more",
      "data:a\n\ndata:  b\n\n",
      [
        ["", "a"],
        ["", " b"],
      ],
    ],
    ["a field without a colon", "data\n\n", [["", ""]]],
    ["no data, no message", "event: gap\n\nid: 1\n\n:\n\n", []],
    ["a name does not outlive its message", "event: gap\n\ndata: a\n\n", [["", "a"]]],
    [
      "unknown fields, ids, retries and comments",
      "id: 1\nretry: 5\n: data: no\ndatax: no\n data: no\nDATA: no\ndata: a\n\n",
      [["", "a"]],
    ],
    ["an unfinished message is none", "data: a\n", []],
    [
      "CR, LF and CRLF",
      "data: a\r\rdata: b\r\n\r\ndata: c\n\n:\n",
      [
        ["", "a"],
        ["", "b"],
        ["", "c"],
      ],
    ],
    [
      "colons and unusual characters in a value",
      'data: {"a":"b: \u2028\u0000\u{1f600}"}\n\n',
      [["", '{"a":"b: \u2028\u0000\u{1f600}"}']],
    ],
  ])("takes %s", (_title, text, messages) => {
    expect(parse([text])).toEqual(messages);
    expect(parse(text.split(""))).toEqual(messages);
  });

  it("a CRLF that is cut in two ends one line, not two", () => {
    expect(parse(["data: a\r", "\ndata: b\r", "\n\r", "\n"])).toEqual([["", "a\nb"]]);
  });

  it("finds what another parser finds, wherever the stream is cut", () => {
    const word = fc.constantFrom(
      "data",
      "event",
      "id",
      "retry",
      "",
      ":",
      " ",
      "a",
      "{}",
      "gap",
      "\u{1f600}",
      "\u0000",
      "data:",
      "x: y",
    );
    const line = fc.tuple(word, fc.constantFrom(":", ": ", ":  ", "", " "), word).map((parts) => parts.join(""));
    const lineEnd = fc.constantFrom("\n", "\r", "\r\n");
    const stream = fc
      .array(
        fc.tuple(fc.oneof(line, fc.constant("")), lineEnd).map((parts) => parts.join("")),
        { size: "max", maxLength: 40 },
      )
      .map((lines) => `${lines.join("")}:end\n`);
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 20 }), (text, places) => {
        const pieces = cut(text, places);
        expect(parse(pieces)).toEqual(parseElsewhere([text]));
      }),
      { numRuns: 2_000 },
    );
  });

  it("I10 Text: takes back what `frames.ts` writes, whatever the data holds", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.boolean(), fc.array(fc.nat(), { maxLength: 10 }), (data, isPretty, places) => {
        const json = JSON.stringify(data, undefined, isPretty ? 2 : undefined);
        const text =
          connectedFrame({ channel: "a", cursor, tail: cursor, heartbeatMs: 1 }) +
          HEARTBEAT_FRAME +
          eventFrame({ id: cursor, channel: "a", event: "x.y", json }) +
          positionFrame("a", cursor);
        const messages = parse(cut(text, places));
        expect(messages.map(([event]) => event)).toEqual(["connected", "", "position"]);
        expect((JSON.parse(messages[1]?.[1] as string) as { data: unknown }).data).toEqual(JSON.parse(json));
      }),
    );
  });
});
