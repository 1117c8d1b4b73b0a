import { beforeEach, describe, expect, it } from "vitest";
import type { RealtimeCursor } from "../../protocol/cursor.ts";
import type { Gap } from "../../protocol/frames.ts";
import { fakeClock, type FakeClock } from "../../testing/fake-clock.ts";
import type { ClientMessage } from "../options.ts";
import { revalidateKeys, type SwrFilter, type SwrKey, type SwrMutate } from "./swr.ts";

const GAP: Gap = { channel: "default", after: "1-0" as RealtimeCursor, cursor: "2-0" as RealtimeCursor, reason: "reset" };
const messageOf = (event: string, data: unknown = {}): ClientMessage => ({
  ...{ id: "1-0" as RealtimeCursor, channel: "default", replayed: false },
  ...{ event, data },
});
const CACHE: readonly SwrKey[] = ["/api/a", "/api/b", ["/api/page", 1], ["/api/page", 2]];

let clock: FakeClock;
/** What `mutate` was called with; for a filter, what it chooses of the cache. */
let fetched: unknown[];
let answers: Array<() => void>;
let mutate: SwrMutate;
beforeEach(() => {
  clock = fakeClock(() => 0);
  fetched = [];
  answers = [];
  mutate = (key) => {
    fetched.push(typeof key === "function" ? CACHE.filter(key) : key);
    return new Promise<void>((resolve) => answers.push(resolve));
  };
});
const handlers = (keys: Parameters<typeof revalidateKeys>[1], options?: object) =>
  revalidateKeys(mutate, keys, { clock, ...options });

// With the real thing: test/browser/caches.test.ts.
describe("revalidateKeys", () => {
  it("asks for strings, arrays, objects and several, each once for many events", async () => {
    const keys = {
      "a.text": "/api/a",
      "a.array": ["/api/page", 1] as const,
      "a.object": { url: "/api/b" },
      "a.more": { keys: ["/api/a", "/api/b"] },
      "a.made": ({ data }: { readonly data: unknown }) => ({ keys: [`/api/${String(data)}`, "/api/a"] }),
    };
    for (let n = 0; n < 100; n++) for (const event of Object.keys(keys)) handlers(keys).onData(messageOf(event, "made"));
    await clock.advance(50);
    expect(fetched).toEqual([["/api/page", 1], { url: "/api/b" }, "/api/b", "/api/made", "/api/a"]);
  });

  it("asks once for many filters, also when each event makes another", async () => {
    const { onData } = handlers({
      "page.changed":
        ({ data }) =>
        (key: unknown) =>
          Array.isArray(key) && key[1] === data,
    });
    for (let n = 0; n < 100; n++) onData(messageOf("page.changed", (n % 2) + 1));
    await clock.advance(50);
    expect(fetched).toEqual([CACHE.slice(2)]);
    answers[0]?.();
    onData(messageOf("page.changed", 2));
    await clock.advance(50);
    expect(fetched.slice(1)).toEqual([CACHE.slice(3)]);
  });

  it("fetches a key again after the fetch that runs, and does not wait for one that never ends", async () => {
    const { onData } = handlers({ "a.changed": "/api/a", "b.changed": "/api/b" });
    for (let n = 0; n < 3; n++) {
      onData(messageOf("a.changed"));
      await clock.advance(50);
    }
    onData(messageOf("b.changed"));
    await clock.advance(50);
    expect(fetched).toEqual(["/api/a", "/api/b"]);
    answers[0]?.();
    await clock.advance(0);
    expect(fetched).toEqual(["/api/a", "/api/b", "/api/a"]);
    onData(messageOf("b.changed"));
    await clock.advance(9_949);
    expect(fetched).toHaveLength(3);
    await clock.advance(51);
    expect(fetched.slice(3)).toEqual(["/api/b"]);
    for (const answer of answers) answer();
    await clock.advance(10_000);
    expect([fetched.length, clock.pending]).toEqual([4, 0]);
  });

  it("after a gap asks for all that is named, for the whole cache once when a key is made, or for what `gapKeys` says", async () => {
    const made = { "a.changed": "/api/a", "b.changed": ({ data }: { readonly data: unknown }) => `/api/${String(data)}` };
    const isPage: SwrFilter = (key) => Array.isArray(key);
    const gap = async (keys: Parameters<typeof handlers>[0], options?: object): Promise<unknown[]> => {
      fetched = [];
      handlers(keys, options).onGap(GAP);
      await clock.advance(50);
      for (const answer of answers.splice(0)) answer();
      await clock.advance(0);
      return fetched;
    };
    expect(await gap({ "a.changed": "/api/a", "b.changed": { keys: ["/api/b", "/api/a"] } })).toEqual(["/api/b", "/api/a"]);
    expect(await gap(made)).toEqual([CACHE]);
    expect(await gap(made, { gapKeys: "/api/b" })).toEqual(["/api/a", "/api/b"]);
    expect(await gap(made, { gapKeys: isPage })).toEqual(["/api/a", CACHE.slice(2)]);
    expect(await gap(made, { gapKeys: { keys: [] } })).toEqual(["/api/a"]);
  });
});
