import { describe, expect, it } from "vitest";
import { fakeClock } from "../../testing/fake-clock.ts";
import { createListStore, type ListSource, type PageRequest, type ResourcePage } from "./list-store.ts";

interface Row {
  readonly id: number;
  readonly text: string;
}
const row = (id: number, text = "stored"): Row => ({ id, text });

/** A list whose fetches wait to be answered. */
function setUp(initial?: ResourcePage<Row>) {
  const clock = fakeClock();
  const asked: Array<PageRequest & { answer(page: ResourcePage<Row> | readonly Row[]): Promise<void>; fail(): Promise<void> }> =
    [];
  const source = (page = 1, query = {}, from = "/api/rows"): ListSource<Row> => ({
    ...{ from, page, pageSize: 2, query },
    keyOf: ({ id }) => id,
    load: (request) =>
      new Promise((resolve, reject) => {
        asked.push({
          ...request,
          async answer(rows) {
            resolve(rows);
            await clock.advance(0);
          },
          async fail() {
            reject(new Error("planted"));
            await clock.advance(0);
          },
        });
      }),
  });
  const list = createListStore(source(), { initial, clock });
  return { clock, asked, list, source, rows: () => list.getState().rows };
}

describe("a list of rows", () => {
  it.each([null, "text", {}, { error: "Forbidden" }, { rows: null }, { rows: "text" }, { rows: [null] }, [null]])(
    "takes an answer that is no rows (%j) for a fetch that failed, also with a change on top, and is well with the next",
    async (answer) => {
      const { clock, asked, list, rows } = setUp();
      list.start();
      await clock.advance(0);
      await asked[0]?.answer([row(1)]);
      let committed = (): void => {};
      const change = list.change(
        { kind: "update", key: 1, patch: { text: "changed" } },
        () => new Promise<void>((resolve) => (committed = resolve)),
      );
      list.refresh();
      await asked[1]?.answer(answer as never);
      expect([rows(), list.getState().isRefreshing]).toEqual([[row(1, "changed")], false]);
      expect(list.getState().error).toBeInstanceOf(TypeError);
      committed();
      await change;
      await clock.advance(2_000);
      await asked[2]?.answer([row(1, "newer")]);
      expect([rows(), list.getState().error]).toEqual([[row(1, "newer")], undefined]);
    },
  );

  it("fetches when it is started, and keeps its rows while newer ones are on their way", async () => {
    const { clock, asked, list, rows } = setUp();
    expect(list.getState()).toMatchObject({ rows: [], isLoading: true, isRefreshing: false });
    list.start();
    await clock.advance(0);
    expect(asked).toMatchObject([{ page: 1, pageSize: 2, query: {} }]);
    await asked[0]?.answer({ rows: [row(1)], total: 3 });
    expect(list.getState()).toEqual({
      ...{ rows: [row(1)], total: 3, error: undefined },
      ...{ isLoading: false, isRefreshing: false, isPrevious: false },
    });
    list.ping();
    await clock.advance(400);
    expect(list.getState()).toMatchObject({ rows: [row(1)], isLoading: false, isRefreshing: true });
    await asked[1]?.answer([row(1, "newer")]);
    expect([rows(), list.getState().isRefreshing, list.getState().total]).toEqual([[row(1, "newer")], false, undefined]);
  });

  it("does not fetch what it was given, and is asked once though it is started twice", async () => {
    const given = setUp({ rows: [row(1)] });
    given.list.start();
    await given.clock.advance(0);
    expect([given.asked.length, given.rows()]).toEqual([0, [row(1)]]);
    const twice = setUp();
    twice.list.start()();
    twice.list.start();
    await twice.clock.advance(0);
    expect(twice.asked).toHaveLength(1);
  });

  it("pages: shows the previous rows until the page is there, and drops the answer that was overtaken", async () => {
    const { clock, asked, list, source, rows } = setUp({ rows: [row(1), row(2)], total: 6 });
    list.start();
    await clock.advance(0);
    list.update(source(2));
    list.update(source(2, {}));
    list.update(source(3, { status: "open" }));
    expect(asked.map(({ page, signal }) => [page, signal.aborted])).toEqual([
      [2, true],
      [3, false],
    ]);
    expect(list.getState()).toMatchObject({ rows: [row(1), row(2)], isPrevious: true, isRefreshing: true });
    await asked[1]?.answer({ rows: [row(5)], total: 6 });
    await asked[0]?.answer({ rows: [row(3), row(4)], total: 6 });
    expect(list.getState()).toMatchObject({ rows: [row(5)], isPrevious: false, isRefreshing: false });
    expect(rows()).toEqual([row(5)]);
  });

  it("fetches when the rows come from somewhere else, and says until then that they are previous ones", async () => {
    const { clock, asked, list, source } = setUp({ rows: [row(1)] });
    list.start();
    await clock.advance(0);
    list.update(source(1, {}, "/api/users/7/rows"));
    expect(list.getState()).toMatchObject({ rows: [row(1)], isPrevious: true, isRefreshing: true });
    await asked[0]?.answer([row(2)]);
    expect(list.getState()).toMatchObject({ rows: [row(2)], isPrevious: false });
  });

  it("keeps its rows when a fetch fails, says why, and tries again", async () => {
    const { clock, asked, list } = setUp({ rows: [row(1)] });
    list.start();
    list.refresh();
    await asked[0]?.fail();
    expect(list.getState()).toMatchObject({ rows: [row(1)], error: new Error("planted"), isRefreshing: false });
    await clock.advance(1_000);
    await asked[1]?.answer({ rows: [row(2)] });
    expect(list.getState()).toMatchObject({ rows: [row(2)], error: undefined });
  });

  it("is not refreshing while it is paused, and fetches what the pause has ended, or kept from beginning, when it goes on", async () => {
    const { clock, asked, list } = setUp({ rows: [row(1)] });
    const pause = async (stop: () => void): Promise<() => void> => {
      stop();
      expect(list.getState().isRefreshing).toBe(false);
      const begun = asked.length;
      await clock.advance(60_000);
      expect(asked).toHaveLength(begun);
      const next = list.start();
      await clock.advance(0);
      return next;
    };
    // Nothing is wanted.
    let stop = await pause(list.start());
    expect(asked).toHaveLength(0);
    // While a fetch runs.
    list.refresh();
    stop = await pause(stop);
    expect(asked).toHaveLength(2);
    // After one that failed.
    await asked[1]?.fail();
    stop = await pause(stop);
    expect(asked).toHaveLength(3);
    // While a burst is waited for, behind a fetch that began before it.
    list.ping();
    await asked[2]?.answer([row(2)]);
    expect(list.getState()).toMatchObject({ rows: [row(2)], error: undefined });
    stop = await pause(stop);
    expect(asked).toHaveLength(4);
    await asked[3]?.answer([row(3)]);
    // After a write that was done meanwhile.
    stop();
    await list.change({ kind: "remove", key: 3 });
    stop = await pause(stop);
    expect(asked).toHaveLength(5);
    await asked[4]?.answer([]);
    stop = await pause(stop);
    expect(asked).toHaveLength(5);
    stop();
  });

  it("ends what runs when it is stopped, and tells nobody any more", async () => {
    const { clock, asked, list } = setUp();
    const stop = list.start();
    await clock.advance(0);
    let told = 0;
    list.subscribe(() => told++);
    stop();
    expect(asked[0]?.signal.aborted).toBe(true);
    await asked[0]?.answer({ rows: [row(1)] });
    expect([told, list.getState().rows, clock.pending]).toEqual([0, [], 0]);
  });
});

describe("a row that is changed before the server has said so", () => {
  it("is shown at once, and gives way to the server's rows of a fetch that began after the write", async () => {
    const { clock, asked, list, rows } = setUp({ rows: [row(1), row(2)], total: 2 });
    list.start();
    let stored: () => void = () => {};
    const writing = list.change(
      { kind: "update", key: 1, patch: { text: "mine" } },
      () => new Promise<void>((resolve) => (stored = resolve)),
    );
    expect(rows()).toEqual([row(1, "mine"), row(2)]);
    // A fetch that began before the write was done may not have it.
    list.refresh();
    stored();
    await writing;
    await asked[0]?.answer({ rows: [row(1, "old"), row(2)], total: 2 });
    expect(rows()).toEqual([row(1, "mine"), row(2)]);
    await clock.advance(400);
    await asked[1]?.answer({ rows: [row(1, "as stored"), row(2)], total: 2 });
    expect(rows()).toEqual([row(1, "as stored"), row(2)]);
  });

  it("is as it was when the write fails, and whoever wrote is told", async () => {
    const { list, rows } = setUp({ rows: [row(1), row(2)], total: 2 });
    list.start();
    const removing = list.change({ kind: "remove", key: 1 }, () => Promise.reject(new Error("planted")));
    const kept = list.change({ kind: "update", key: 2, patch: { text: "mine" } }, () => new Promise(() => {}));
    expect([rows(), list.getState().total]).toEqual([[row(2, "mine")], 1]);
    await expect(removing).rejects.toThrow("planted");
    expect([rows(), list.getState().total]).toEqual([[row(1), row(2, "mine")], 2]);
    void kept;
  });

  it("is inserted once, though the server sends it before the write is said to be done", async () => {
    const { clock, asked, list, rows } = setUp({ rows: [row(1)], total: 1 });
    list.start();
    let stored: (text: string) => void = () => {};
    const writing = list.change(
      { kind: "insert", key: 9, row: row(9, "mine") },
      () => new Promise<string>((resolve) => (stored = resolve)),
    );
    expect([rows(), list.getState().total]).toEqual([[row(9, "mine"), row(1)], 2]);
    list.ping();
    await clock.advance(400);
    await asked[0]?.answer({ rows: [row(1), row(9, "stored")], total: 2 });
    expect([rows(), list.getState().total]).toEqual([[row(1), row(9, "stored")], 2]);
    stored("done");
    expect(await writing).toBe("done");
  });

  it("goes with the next fetch when nothing is to be waited for", async () => {
    const { clock, asked, list, rows } = setUp({ rows: [row(1)] });
    list.start();
    await list.change({ kind: "remove", key: 1 });
    expect(rows()).toEqual([]);
    await clock.advance(400);
    await asked[0]?.answer([row(1)]);
    expect(rows()).toEqual([row(1)]);
  });
});
