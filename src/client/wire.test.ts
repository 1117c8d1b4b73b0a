import { describe, expect, it } from "vitest";
import type { RealtimeCursor } from "../protocol/cursor.ts";
import {
  connectedFrame,
  eventFrame,
  gapFrame,
  positionFrame,
  problemFrame,
  reconnectFrame,
  streamPositionFrame,
} from "../protocol/frames.ts";
import { createSseParser } from "./sse-parser.ts";
import { readFrame, type WireFrame } from "./wire.ts";

const cursor = "1700000000000-0" as RealtimeCursor;
const tail = "1700000000001-0" as RealtimeCursor;

function read(text: string): WireFrame | undefined {
  let frame: WireFrame | undefined;
  createSseParser((event, data) => {
    frame = readFrame(event, data);
  })(text);
  return frame;
}

describe("the guards of the wire", () => {
  it.each<[string, string, object]>([
    [
      "an event",
      eventFrame({ id: cursor, channel: "a", event: "x.y", json: "[1]" }),
      { type: "event", channel: "a", cursor, event: "x.y", data: [1] },
    ],
    [
      "connected",
      connectedFrame({ channel: "a", cursor, tail, heartbeatMs: 15 }),
      { type: "connected", channel: "a", cursor, tail, heartbeatMs: 15 },
    ],
    [
      "gap",
      gapFrame({ channel: "a", after: cursor, cursor: tail, reason: "reset" }),
      { type: "gap", channel: "a", cursor: tail, reason: "reset" },
    ],
    ["position", positionFrame("a", cursor), { type: "position", channel: "a", cursor }],
    ["reconnect", reconnectFrame({ delayMs: 5 }), { type: "reconnect", delayMs: 5 }],
    [
      "a problem with a channel",
      problemFrame({ code: "forbidden", channel: "a", retry: false }),
      { type: "problem", code: "forbidden", channel: "a", retry: false },
    ],
    [
      "a problem with the stream",
      problemFrame({ code: "internal", retry: true }),
      { type: "problem", code: "internal", retry: true },
    ],
  ])("%s comes back as it was written", (_title, text, frame) => {
    expect(read(text)).toMatchObject(frame);
  });

  it("a gap of a reason that is not known yet is a gap all the same", () => {
    const frame = readFrame("gap", JSON.stringify({ channel: "a", cursor, reason: "of later days" }));
    expect(frame).toMatchObject({ type: "gap", cursor, reason: "of later days" });
  });

  const fields = { channel: "a", id: cursor, event: "x.y", data: 1, cursor, tail, heartbeatMs: 1 };
  it.each<[string, string, unknown]>([
    ["no JSON", "", undefined],
    ["null", "", null],
    ["a number", "", 5],
    ["a text", "", "text"],
    ["an array", "", []],
    ["nothing", "", {}],
    ["an event without an id", "", { ...fields, id: undefined, cursor: undefined }],
    ["an event whose id is no cursor", "", { channel: "a", id: "1", event: "x.y", data: 1 }],
    ["an event without a name", "", { ...fields, event: undefined }],
    ["connected without a tail", "connected", { ...fields, tail: undefined }],
    ["a heartbeat that is no number", "connected", { ...fields, heartbeatMs: "soon" }],
    ["a heartbeat that never comes", "connected", { ...fields, heartbeatMs: 1e9 }],
    ["a negative delay", "reconnect", { delayMs: -1 }],
    ["a delay beyond all timers", "reconnect", { delayMs: 1e12 }],
    ["a position without a cursor", "position", { channel: "a" }],
    ["a gap without a cursor", "gap", { channel: "a", after: cursor, reason: "reset" }],
    ["a frame of later days", "later", fields],
    ["a name out of Object.prototype", "constructor", fields],
    ["another", "__proto__", fields],
  ])("refuses %s", (_title, name, value) => {
    expect(readFrame(name, value === undefined ? "{" : JSON.stringify(value))).toBeUndefined();
  });

  it("the position of a whole stream is for plain readers, who keep one id", () => {
    expect(read(streamPositionFrame([cursor, tail]))).toBeUndefined();
  });

  it("nothing that a server adds reaches a prototype", () => {
    const text = `{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"id":"${cursor}","channel":"__proto__","event":"x.y","data":{"__proto__":{"polluted":1}}}`;
    const frame = readFrame("", text) as WireFrame & { data: object };
    expect(Object.getPrototypeOf(frame)).toBe(Object.prototype);
    expect({}).not.toHaveProperty("polluted");
    expect(Object.getPrototypeOf(frame.data)).toBe(Object.prototype);
  });
});
