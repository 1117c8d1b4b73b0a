import { beforeEach, describe, expect, it } from "vitest";
import type { RealtimeCursor } from "../../../protocol/cursor.ts";
import { fakeClock, type FakeClock } from "../../../testing/fake-clock.ts";
import { Announcements, type StoredEntry } from "./announcements.ts";

const LONG_MS = 60_000;

let clock: FakeClock;
let did: string[];
let announcements: Announcements;

beforeEach(async () => {
  clock = fakeClock();
  did = [];
  announcements = new Announcements({
    clock,
    ring: ({ id }) => did.push(`ring ${id}`),
    deaf: (live) => did.push(`deaf ${live}`),
    unheard: () => did.push("unheard"),
  });
});

const entry = (id: string): StoredEntry => ({ key: "k", live: "l", id: id as RealtimeCursor, sentAt: clock.now() });

describe("whether scripts are heard", () => {
  it("is not tested without a stream, nor with one that came up after the request was sent", async () => {
    announcements.stored(entry("1-0"));
    const sent = entry("2-0");
    await clock.advance(1);
    announcements.up("l");
    announcements.stored(sent);
    await clock.advance(LONG_MS);
    expect(did).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it("heard once: never tested again", async () => {
    announcements.up("l");
    await clock.advance(1);
    announcements.stored(entry("1-0"));
    announcements.heard();
    announcements.stored(entry("2-0"));
    await clock.advance(LONG_MS);
    expect(did).toEqual([]);
  });

  it("heard only when it is said with a command: from then on each entry is", async () => {
    announcements.up("l");
    await clock.advance(1);
    announcements.stored(entry("1-0"));
    announcements.stored(entry("2-0"));
    await clock.advance(2_000);
    expect(did).toEqual(["ring 1-0"]);
    announcements.rung("other", "9-0" as RealtimeCursor);
    announcements.rung("l", "0-9" as RealtimeCursor);
    expect(did).toHaveLength(1);
    announcements.rung("l", "1-0" as RealtimeCursor);
    announcements.stored(entry("3-0"));
    expect(did.slice(1)).toEqual(["unheard", "ring 3-0"]);
    // It was late.
    announcements.heard();
    announcements.stored(entry("4-0"));
    expect(did).toHaveLength(3);
  });

  it("heard in neither way: the stream is at fault, and the next entry is a test again", async () => {
    announcements.up("l");
    await clock.advance(1);
    announcements.stored(entry("1-0"));
    await clock.advance(4_000);
    expect(did).toEqual(["ring 1-0", "deaf l"]);
    announcements.stored(entry("2-0"));
    await clock.advance(2_000);
    expect(did[2]).toBe("ring 2-0");
    announcements.down("l");
    await clock.advance(LONG_MS);
    expect(did).toHaveLength(3);
    expect(clock.pending).toBe(0);
  });
});
