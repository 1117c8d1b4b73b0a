import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { invalidateQueries, type QueryClientLike, type QueryKeyLike } from "../../src/client/tanstack-query.ts";
import type { ClientMessage } from "../../src/client/core.ts";
import type { CacheHandlers, CacheOptions } from "../../src/client/swr.ts";
import type { RealtimeCursor } from "../../src/protocol/cursor.ts";
import type { Gap } from "../../src/protocol/frames.ts";
import { fakeClock, type FakeClock } from "../../src/testing/fake-clock.ts";
import { installFramework } from "../support/frameworks.ts";

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, "../..");
const installed = installFramework("caches");

/** What these tests use of the real thing, whose types are not here. */
interface QueryClient extends QueryClientLike {
  prefetchQuery(options: object): Promise<void>;
  getQueryData(queryKey: QueryKeyLike): unknown;
  getQueryState(
    queryKey: QueryKeyLike,
  ): { readonly isInvalidated: boolean; readonly fetchStatus: string; readonly dataUpdateCount: number } | undefined;
  removeQueries(filters: object): void;
  getQueryCache(): ReturnType<QueryClientLike["getQueryCache"]> & { hasListeners(): boolean };
  clear(): void;
}
interface QueryCore {
  readonly QueryClient: new (options?: object) => QueryClient;
  readonly QueryObserver: new (client: QueryClient, options: object) => { subscribe(listener: () => void): () => void };
}

const GAP: Gap = { channel: "default", after: "1-0" as RealtimeCursor, cursor: "2-0" as RealtimeCursor, reason: "trimmed" };
const messageOf = (event: string, data: unknown = {}): ClientMessage => ({
  ...{ id: "1-0" as RealtimeCursor, channel: "default", replayed: false },
  ...{ event, data },
});

describe.each([
  ["5", "@tanstack/react-query"],
  ["4", "tanstack-query-core4"],
])("invalidateQueries with TanStack Query %s", (version, name) => {
  const { QueryClient, QueryObserver } = createRequire(path.join(installed, "package.json"))(name) as QueryCore;
  let client: QueryClient;
  let clock: FakeClock;
  let unsubscribes: Array<() => void>;
  beforeEach(() => {
    client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } });
    clock = fakeClock(() => 0);
    unsubscribes = [];
  });
  afterEach(() => {
    for (const unsubscribe of unsubscribes) unsubscribe();
    client.clear();
  });

  /** A query that somebody looks at. Each fetch is answered by the test, in any order. */
  function look(...queryKey: unknown[]) {
    const answers: Array<(data: string) => void> = [];
    const queryFn = (): Promise<string> => new Promise((resolve) => answers.push(resolve));
    unsubscribes.push(new QueryObserver(client, { queryKey, queryFn }).subscribe(() => {}));
    return {
      get fetches() {
        return answers.length;
      },
      async answer(data: string, fetch = answers.length - 1) {
        const before = client.getQueryState(queryKey)?.dataUpdateCount ?? 0;
        answers[fetch]?.(data);
        await vi.waitFor(() => expect(client.getQueryState(queryKey)?.dataUpdateCount).toBe(before + 1));
      },
      untilFetched: (fetches: number) => vi.waitFor(() => expect(answers.length).toBe(fetches)),
    };
  }
  const handlers = (keys: Parameters<typeof invalidateQueries>[1], options?: object): CacheHandlers<string> =>
    invalidateQueries(client, keys, { clock, ...options });

  it(`says which version it is (${version})`, () => {
    const { version: real } = createRequire(path.join(installed, "package.json"))(`${name}/package.json`) as {
      version: string;
    };
    expect(real.split(".")[0]).toBe(version);
  });

  it("fetches anew what an event names, and what begins with it, and nothing else", async () => {
    const [list, page, other] = [look("orders"), look("orders", 2), look("users")];
    for (const each of [list, page, other]) await each.answer("old");
    const { events, onData } = handlers({ "order.placed": ["orders"], "user.renamed": ["users"] });
    expect(events).toEqual(["order.placed", "user.renamed"]);
    onData(messageOf("order.placed"));
    onData(messageOf("no.key"));
    onData(messageOf("toString"));
    expect(list.fetches).toBe(1);
    await clock.advance(50);
    expect([list.fetches, page.fetches, other.fetches]).toEqual([2, 2, 1]);
    await list.answer("new");
    expect(client.getQueryData(["orders"])).toBe("new");
    expect(clock.pending).toBe(0);
  });

  it("fetches once for a thousand events, though each render makes handlers of its own", async () => {
    const list = look("orders");
    await list.answer("old");
    for (let n = 0; n < 1_000; n++) handlers({ "order.placed": ["orders"] }).onData(messageOf("order.placed"));
    expect(clock.pending).toBe(1);
    await clock.advance(10_000);
    expect(list.fetches).toBe(2);
  });

  it("fetches every half second while events do not end", async () => {
    const list = look("orders");
    await list.answer("old");
    const { onData } = handlers({ "order.placed": ["orders"] });
    for (let ms = 0; ms < 2_000; ms += 10) {
      onData(messageOf("order.placed"));
      await clock.advance(10);
      if (client.getQueryState(["orders"])?.fetchStatus === "fetching") await list.answer("new");
    }
    expect(list.fetches).toBe(1 + 4);
  });

  it("fetches once for keys of which one contains the other", async () => {
    const [list, one] = [look("orders"), look("orders", 7)];
    for (const each of [list, one]) await each.answer("old");
    const keysOf = ({ data }: { readonly data: unknown }) => ({ keys: [["orders", data], ["orders"]] });
    const { onData } = handlers({ "order.changed": keysOf, "order.placed": ["orders"] });
    onData(messageOf("order.placed"));
    onData(messageOf("order.changed", 7));
    await clock.advance(50);
    await one.answer("new");
    await list.answer("new");
    await clock.advance(10_000);
    expect([list.fetches, one.fetches]).toEqual([2, 2]);
  });

  it("takes a key of arrays for one key, and several in `keys`; `undefined` names nothing", async () => {
    const [list, one] = [look(["post", "all"], { type: "query" }), look("x")];
    for (const each of [list, one]) await each.answer("old");
    const { events, onData } = handlers({
      "post.added": [["post", "all"]],
      "post.both": { keys: [[["post", "all"]], ["x"]] },
      "post.none": undefined,
      "post.never": () => undefined,
    });
    expect(events).toEqual(["post.added", "post.both", "post.never"]);
    for (const event of ["post.none", "post.never"]) onData(messageOf(event));
    expect(clock.pending).toBe(0);
    onData(messageOf("post.added"));
    await clock.advance(50);
    expect([list.fetches, one.fetches]).toEqual([2, 1]);
    await list.answer("new");
    onData(messageOf("post.both"));
    await clock.advance(50);
    expect([list.fetches, one.fetches]).toEqual([3, 2]);
  });

  it("fetches a query again that was being fetched for the first time when the event came", async () => {
    const list = look("orders");
    const { onData } = handlers({ "order.placed": ["orders"] });
    onData(messageOf("order.placed"));
    await clock.advance(50);
    expect(list.fetches).toBe(1);
    await list.answer("from before the event");
    await list.untilFetched(2);
    await list.answer("new");
    expect(client.getQueryData(["orders"])).toBe("new");
    expect(client.getQueryState(["orders"])?.isInvalidated).toBe(false);
    expect(client.getQueryCache().hasListeners()).toBe(false);

    // And another time.
    onData(messageOf("order.placed"));
    await clock.advance(50);
    onData(messageOf("order.placed"));
    await clock.advance(50);
    await list.answer("newer", 2);
    await list.untilFetched(4);
  });

  it("never stops a slow query: under events without end each fetch is shown, and holds no other query up", async () => {
    const [slow, fast] = [look("orders", "report"), look("orders", "list")];
    for (const each of [slow, fast]) await each.answer("old");
    const { onData } = handlers({ "order.placed": ["orders"] });
    for (let round = 2; round < 6; round++) {
      onData(messageOf("order.placed"));
      await clock.advance(50);
      expect([slow.fetches, fast.fetches]).toEqual([2, round]);
      await fast.answer("new");
    }
    await slow.answer("first", 1);
    await slow.untilFetched(3);
    expect(client.getQueryData(["orders", "report"])).toBe("first");
    await slow.answer("second", 2);
    await clock.advance(10_000);
    expect([slow.fetches, fast.fetches]).toEqual([3, 5]);
  });

  it("marks a query that nobody looks at any more, also when it is still being fetched", async () => {
    let answer!: (data: string) => void;
    const fetched = client.prefetchQuery({ queryKey: ["orders"], queryFn: () => new Promise((resolve) => (answer = resolve)) });
    handlers({ "order.placed": ["orders"] }).onData(messageOf("order.placed"));
    await clock.advance(50);
    answer("from before the event");
    await fetched;
    await vi.waitFor(() => expect(client.getQueryState(["orders"])?.isInvalidated).toBe(true));
  });

  it("forgets a query that is removed while it is fetched", async () => {
    look("orders");
    handlers({ "order.placed": ["orders"] }).onData(messageOf("order.placed"));
    await clock.advance(50);
    expect(client.getQueryCache().hasListeners()).toBe(true);
    client.removeQueries({ queryKey: ["orders"] });
    await vi.waitFor(() => expect(client.getQueryCache().hasListeners()).toBe(false));
  });

  it("after a gap fetches everything that is named", async () => {
    const [list, one, other] = [look("orders"), look("order", 7), look("users")];
    for (const each of [list, one, other]) await each.answer("old");
    handlers({ "order.placed": ["orders"], "order.changed": { keys: [["order"]] } }).onGap(GAP);
    await clock.advance(50);
    expect([list.fetches, one.fetches, other.fetches]).toEqual([2, 2, 1]);
  });

  it("after a gap fetches the whole cache once when a key depends on the event, or what `gapKeys` says", async () => {
    const [list, one, other] = [look("orders"), look("order", 7), look("users")];
    const all = [list, one, other];
    for (const each of all) await each.answer("old");
    const keys = {
      "order.placed": ["orders"],
      "order.changed": ({ data }: { readonly data: unknown }) => ["order", data],
    };
    handlers(keys).onGap(GAP);
    await clock.advance(10_000);
    expect(all.map(({ fetches }) => fetches)).toEqual([2, 2, 2]);
    for (const each of all) await each.answer("old");
    handlers(keys, { gapKeys: ["order"] }).onGap(GAP);
    await clock.advance(10_000);
    expect(all.map(({ fetches }) => fetches)).toEqual([3, 3, 2]);
    for (const each of [list, one]) await each.answer("old");
    handlers(keys, { gapKeys: { keys: [] } }).onGap(GAP);
    await clock.advance(10_000);
    expect(all.map(({ fetches }) => fetches)).toEqual([4, 3, 2]);
  });
});

describe("docs/options.md", () => {
  it("names every option and its default", () => {
    const options: Record<Exclude<keyof CacheOptions<unknown>, "clock">, string> = {
      gapKeys: "the whole cache, or nothing",
      waitSecs: "`0.05`",
    };
    const page = readFileSync(path.join(root, "docs/options.md"), "utf8");
    const section = page.split("## invalidateQueries(…), revalidateKeys(…)\n")[1]?.split("\n## ")[0] ?? "";
    const rows = section.matchAll(/^\| `(?<name>[\w.]+)` \| (?<fallback>[^|]+) \| \S.*\|$/gm);
    expect(Object.fromEntries([...rows].map(({ groups = {} }) => [groups["name"], groups["fallback"]]))).toEqual(options);
  });
});

describe("docs/guides/caches.md", () => {
  const example = path.join(root, "test/browser/fixtures/caches");
  const folder = path.join(root, `.cache/caches-guide-${process.pid}`);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("shows programs that are tested, whole", () => {
    const guide = readFileSync(path.join(root, "docs/guides/caches.md"), "utf8");
    const fences = [...guide.matchAll(/^```tsx?\n\/\/ (?<file>[\w.-]+)\n(?<code>[\s\S]*?)^```$/gm)];
    expect(guide.match(/^```/gm)).toHaveLength(2 * fences.length);
    for (const { groups: { file = "", code } = {} } of fences) {
      expect(code, file).toBe(readFileSync(path.join(example, file), "utf8"));
    }
    const programs = readdirSync(example).filter((file) => /\.tsx?$/.test(file) && file !== "page.tsx");
    expect(fences.map(({ groups }) => groups?.["file"] ?? "").toSorted()).toEqual(programs.toSorted());
  });

  it("which compile with the real types of TanStack Query 4 and 5 and of SWR", async () => {
    mkdirSync(folder, { recursive: true });
    const own = { "": "index", "/client": "client/react", "/client/core": "client/core" };
    const modules = path.join(installed, "node_modules");
    const config = (paths: Record<string, string[]>, files: readonly string[]): object => ({
      extends: path.join(example, "tsconfig.json"),
      compilerOptions: {
        rootDir: root,
        typeRoots: [path.join(root, "node_modules/@types")],
        types: ["node"],
        paths: {
          ...Object.fromEntries(
            Object.entries(own).map(([name, file]) => [`tidings${name}`, [path.join(root, `src/${file}.ts`)]]),
          ),
          "tidings/client/tanstack-query": [path.join(root, "src/client/tanstack-query.ts")],
          "tidings/client/swr": [path.join(root, "src/client/swr.ts")],
          react: [path.join(root, "node_modules/@types/react")],
          swr: [path.join(modules, "swr")],
          ...paths,
        },
      },
      files: [...files.map((file) => path.join(example, file)), path.join(root, "src/brokers/redis/lua.d.ts")],
    });
    const query5 = {
      "@tanstack/react-query": [path.join(modules, "@tanstack/react-query")],
      "@tanstack/query-core": [path.join(modules, "@tanstack/query-core")],
    };
    const programs = readdirSync(example).filter((file) => /\.tsx?$/.test(file));
    const configs = {
      5: config(query5, programs),
      4: config({ "@tanstack/query-core": [path.join(modules, "tanstack-query-core4")] }, ["watch-orders.ts"]),
    };
    for (const [version, content] of Object.entries(configs)) {
      const file = path.join(folder, `tsconfig.${version}.json`);
      writeFileSync(file, JSON.stringify(content));
      const compiled = run(process.execPath, [path.join(root, "node_modules/typescript/bin/tsc"), "-p", file]);
      const output = await compiled.catch((error: { stdout: string }) => error);
      expect(output.stdout, `with version ${version}`).toBe("");
    }
  }, 240_000);
});
