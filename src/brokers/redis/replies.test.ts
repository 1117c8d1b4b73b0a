import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RealtimeCursor } from "../../protocol/cursor.ts";
import { fieldsOfTrace, traceOf } from "../../protocol/trace.ts";
import { parseAnnouncement, parseAppended, parseLocation, parsePage } from "./replies.ts";

const at = (id: string) => id as RealtimeCursor;
const MAX = "18446744073709551615";

describe("an announcement", () => {
  it("is cut at its first four spaces; the JSON is never looked into", () => {
    const entry = { id: "2-0", prev: "1-0", event: "a.b", json: '{"x": "y z"}' };
    expect(parseAnnouncement('2-0 1-0 1000 a.b {"x": "y z"}')).toEqual({ ...entry, keeps: 1_000 });
    expect(parseAnnouncement('2-0 1-0  a.b {"x": "y z"}')).toEqual({ ...entry, keeps: Number.POSITIVE_INFINITY });
    expect(parseAnnouncement("2-0 1-0 0 a.b not json")).toMatchObject({ json: "not json", keeps: 0 });
    expect(parseAnnouncement("2-0 1-0 5 a.b  ")).toMatchObject({ json: " " });
    expect(parseAnnouncement("2-0 1-0 1000")).toEqual({ id: "2-0", prev: "1-0" });
  });

  it.each([
    "",
    " ",
    "    ",
    "2-0",
    "2-0 1-0 5 a.b",
    "2-0 1-0 5 a.b ",
    "2 1-0 5 a.b 1",
    "2-0 x 5 a.b 1",
    "2-0 1-0 -5 a.b 1",
    "2-0 1-0 all a.b 1",
    "2-0 1-0 5 a\nb 1",
    "2-0 1-0 5  1",
    "02-0 1-0 5 a.b 1",
  ])("is none: %j", (message) => {
    expect(parseAnnouncement(message)).toBeUndefined();
  });
});

describe("the trace context of an event", () => {
  const trace = `00-${"4bf92f3577b34da6".repeat(2)}-00f067aa0ba902b7-01`;

  it("stands at the end of its announcement", () => {
    const entry = { id: "2-0", prev: "1-0", event: "a.b", json: '{"x": "y z"}', keeps: 5 };
    expect(parseAnnouncement(`2-0 1-0 5 a.b {"x": "y z"} ${trace}`)).toEqual({ ...entry, trace });
    // Within the data it is data.
    const json = JSON.stringify(`of ${trace}`);
    expect(parseAnnouncement(`2-0 1-0 5 a.b ${json}`)).toEqual({ ...entry, json });
    for (const none of [trace.toUpperCase(), trace.slice(1), `${trace}0`, trace.replaceAll("-", "_")])
      expect(parseAnnouncement(`2-0 1-0 5 a.b 1 ${none}`)).toEqual({ ...entry, json: `1 ${none}` });
  });

  it("makes the JSON unreadable for a server that does not know of it, which then reads the entry from the log", () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(() => JSON.parse(`${json} ${trace}`) as unknown).toThrow(SyntaxError);
        expect(parseAnnouncement(`2-0 1-0 5 a.b ${json} ${trace}`)).toMatchObject({ json, trace });
        expect(parseAnnouncement(`2-0 1-0 5 a.b ${json}`)).toEqual({ id: "2-0", prev: "1-0", event: "a.b", json, keeps: 5 });
      }),
    );
  });

  it("carries the fields of other systems before it, and is whole again", () => {
    const names = fc.stringMatching(/^[a-z][a-z-]{0,20}$/).filter((name) => name !== "traceparent");
    // As headers are: what is no text at all has no place there.
    const values = fc.string({ unit: "grapheme", maxLength: 40 });
    fc.assert(
      fc.property(fc.json(), fc.dictionary(names, values, { maxKeys: 4 }), (json, fields) => {
        const carried = traceOf(trace, fields);
        expect(parseAnnouncement(`2-0 1-0 5 a.b ${json} ${carried}`)).toMatchObject({ json, trace: carried });
        expect(parsePage(["2-0", "", "2-0", `1-0 ${carried}`, "a.b", "1"], at("1-0"))?.entries).toMatchObject([
          { prev: "1-0", trace: carried },
        ]);
        expect(fieldsOfTrace(carried)).toEqual({ ...fields, traceparent: trace });
        // A server that knows of a `traceparent` alone splits that off.
        // A server that knows of a `traceparent` alone splits that off; of one that stands alone it knows all.
        const older = carried === trace ? `${json} ~` : `${json} ${carried.slice(0, -trace.length - 1)}`;
        expect(() => JSON.parse(older) as unknown).toThrow(SyntaxError);
      }),
    );
  });

  it("keeps fields within 2,048 bytes: the first ones, and each whole", () => {
    const fields = fieldsOfTrace(traceOf(trace, { a: "x".repeat(1_000), b: "x".repeat(2_000), c: "é".repeat(100) }));
    expect(Object.keys(fields)).toEqual(["a", "c", "traceparent"]);
    expect(traceOf(trace, { a: "é".repeat(1_000) })).toBe(trace);
  });

  it("stands behind the position before it in a page, and is nothing without one", () => {
    const page = parsePage(["2-0", "", "2-0", `1-0 ${trace}`, "a.b", "1"], at("1-0"));
    expect(page?.entries).toEqual([{ id: "2-0", prev: "1-0", event: "a.b", json: "1", trace }]);
    expect(parsePage(["2-0", "1-0", "2-0", trace, "a.b", "1"], at("1-0"))?.entries).toEqual([
      { id: "2-0", prev: "1-0", event: "a.b", json: "1" },
    ]);
  });
});

describe("the reply of an append", () => {
  it("is an id, or an id with what went wrong after it was stored", () => {
    expect(parseAppended("1-0")).toEqual({ id: "1-0", expireError: undefined, publishError: undefined });
    expect(parseAppended(["1-0", "", "NOPERM"])).toEqual({ id: "1-0", expireError: undefined, publishError: "NOPERM" });
    for (const none of ["OK", null, 1, [], ["x"], {}]) expect(parseAppended(none)).toBeUndefined();
  });
});

describe("the reply of a read", () => {
  it("takes the position before an entry from the entry itself", () => {
    expect(parsePage(["9-0", "", "5-0", "3-0", "a.b", "1", "9-0", "5-0", "a.b", "2"], at("4-0"))).toEqual({
      entries: [
        { id: "5-0", prev: "3-0", event: "a.b", json: "1" },
        { id: "9-0", prev: "5-0", event: "a.b", json: "2" },
      ],
      last: "9-0",
    });
  });

  it.each([
    ["the entry at the position that was asked for is still there", "4-0", "4-0", { prev: "4-0" }],
    ["there is room for none between the two", "", `4-${MAX}`, { prev: `4-${MAX}` }],
    // As when the log was replaced: the position is of its earlier life, and the older entry was never seen.
    ["only an older entry is there", "2-0", "4-0", { prev: `4-${MAX}`, unproven: true }],
    ["none is there", "", "4-0", { prev: `4-${MAX}`, unproven: true }],
    ["none is there, and the whole log was asked for", "", "0-0", { prev: `4-${MAX}`, unproven: true }],
  ])("I4 Chain: guesses what was before an entry that does not say it, and says so, when %s", (_, before, after, link) => {
    const page = parsePage(["6-0", before, "5-0", "", "", "", "6-0", "", "", ""], at(after));
    const nothing = { event: "", json: "" };
    expect(page?.entries).toEqual([
      { id: "5-0", ...link, ...nothing },
      { id: "6-0", prev: "5-0", ...nothing },
    ]);
  });

  it("believes no position that lies above the entry", () => {
    expect(parsePage(["5-0", "", "5-0", "7-0", "a.b", "1"], at("0-0"))?.entries[0]?.prev).toBe(`4-${MAX}`);
  });

  it("shows nothing of an entry with a name or a payload that is none", () => {
    const page = parsePage(["5-2", "", "5-0", "4-0", "a\nb", "1", "5-1", "5-0", "a.b", "", "5-2", "5-1", "", "1"], at("4-0"));
    expect(page?.entries.map(({ event, json }) => event + json)).toEqual(["", "", ""]);
  });

  it("is none when something else answers", () => {
    for (const none of ["OK", null, [], [1], ["x", ""], ["1-0", "", 5]]) expect(parsePage(none, at("0-0"))).toBeUndefined();
  });
});

describe("the reply of a locate", () => {
  it.each([
    [["9-0"], "9-0"],
    [["9-0", "5-0", "3-0", ""], "3-0"],
    [["9-0", "5-0", "", "4-4"], "4-4"],
    [["9-0", "5-3", "", ""], "5-2"],
    [["9-0", "5-0", "", ""], `4-${MAX}`],
  ])("%j starts after %s", (reply, after) => {
    expect(parseLocation(reply)).toEqual({ after, last: "9-0" });
  });
});
