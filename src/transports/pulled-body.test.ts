import { describe, expect, it, vi, type Mock } from "vitest";
import { createMemoryBroker } from "../brokers/memory.ts";
import { Hub } from "../hub/hub.ts";
import type { StreamSession } from "../hub/stream-session.ts";
import { HEARTBEAT_MS, MAX_BUFFERED_BYTES } from "../protocol/limits.ts";
import { exposeInternals } from "../realtime/internals.ts";
import { fakeClock, type FakeClock } from "../testing/fake-clock.ts";
import { handle } from "./fetch.ts";
import { PulledBody } from "./pulled-body.ts";

const KB = 1024;

/** So many bytes, each of which tells its place. */
function bytes(length: number, from = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (from + index) % 251);
}

interface Scene {
  readonly clock: FakeClock;
  readonly body: PulledBody;
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly drained: Mock<() => void>;
  readonly cancelled: Mock<() => void>;
  readonly over: Mock<() => void>;
  /** What waits for the end of the instance. */
  readonly whenClosed: ReadonlySet<() => void>;
  /** Closes the instance. */
  close(): void;
  /** Reads until the end. */
  rest(): Promise<Uint8Array>;
}

function scene(): Scene {
  const told = { drained: vi.fn<() => void>(), cancelled: vi.fn<() => void>(), over: vi.fn<() => void>() };
  const clock = fakeClock();
  const whenClosed = new Set<() => void>();
  const closing = { isClosed: false, whenClosed };
  const realtime = { clock, isClosed: () => closing.isClosed, whenClosed };
  const body = new PulledBody({ maxBytes: MAX_BUFFERED_BYTES, realtime, ...told });
  const reader = body.stream.getReader();
  return {
    clock,
    body,
    reader,
    whenClosed,
    close() {
      closing.isClosed = true;
      for (const tell of whenClosed) tell();
    },
    ...told,
    async rest() {
      const read: Uint8Array[] = [];
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return Buffer.concat(read);
        read.push(value);
      }
    },
  };
}

describe("PulledBody", () => {
  it("a reader that waits gets what is written, as it was written", async () => {
    const { body, reader } = scene();
    const [first, second] = [reader.read(), reader.read()];
    await Promise.resolve();
    const large = bytes(100 * KB);
    expect([body.write(large), body.waiting]).toEqual([true, 0]);
    expect((await first).value).toBe(large);
    await Promise.resolve();
    body.write(bytes(3));
    expect([(await second).value?.length, body.waiting]).toEqual([3, 0]);
  });

  it("one that is behind gets it in pieces, each byte once and in order, and says when there is room again", async () => {
    const { body, reader, drained, rest } = scene();
    expect(body.write(bytes(100 * KB))).toBe(true);
    expect(body.write(bytes(MAX_BUFFERED_BYTES - 100 * KB, 100 * KB))).toBe(false);
    expect(drained).not.toHaveBeenCalled();
    const { value } = await reader.read();
    expect([value?.length, body.waiting]).toEqual([16 * KB, MAX_BUFFERED_BYTES - 16 * KB]);
    expect(drained).toHaveBeenCalledTimes(1);
    body.end();
    expect(Buffer.compare(await rest(), bytes(MAX_BUFFERED_BYTES - 16 * KB, 16 * KB))).toBe(0);
  });

  it("its end comes behind all that was written, at once when nothing waits", async () => {
    const behind = scene();
    behind.body.write(bytes(5));
    behind.body.end();
    expect(behind.over, "it is not over while something waits").not.toHaveBeenCalled();
    expect(new Uint8Array(await behind.rest())).toEqual(bytes(5));
    const level = scene();
    const read = level.reader.read();
    level.body.end();
    expect((await read).done).toBe(true);
    expect([behind.over.mock.calls.length, level.over.mock.calls.length]).toEqual([1, 1]);
  });

  it("abandoned, it ends without what waits, and without an error", async () => {
    const { body, rest, over } = scene();
    body.write(bytes(200 * KB));
    body.abandon();
    expect([body.waiting, (await rest()).length, over.mock.calls.length]).toEqual([0, 0, 1]);
  });

  it("ended, it is cut when its reader takes nothing of what waits for three heartbeats, and not while it takes some", async () => {
    const { clock, body, reader, over, rest } = scene();
    body.write(bytes(200 * KB));
    body.end();
    for (let each = 0; each < 5; each++) {
      await reader.read();
      await clock.advance(3 * HEARTBEAT_MS);
      expect([over.mock.calls.length, body.waiting > 0]).toEqual([0, true]);
    }
    await clock.advance(3 * HEARTBEAT_MS);
    expect([over.mock.calls.length, body.waiting, clock.pending]).toEqual([1, 0, 0]);
    expect(await rest()).toHaveLength(0);
    const taken = scene();
    taken.body.write(bytes(200 * KB));
    taken.body.end();
    await taken.rest();
    expect([taken.over.mock.calls.length, taken.clock.pending], "no timer is left").toEqual([1, 0]);
  });

  it("a reader that leaves is heard of, and what waits is thrown away; an end after that is no harm", async () => {
    const { clock, body, reader, cancelled, over } = scene();
    body.write(bytes(200 * KB));
    await reader.cancel();
    expect([cancelled.mock.calls.length, body.waiting]).toEqual([1, 0]);
    body.end();
    body.abandon();
    expect([over.mock.calls.length, clock.pending]).toEqual([1, 0]);
  });

  it("I9 Close: is cut five seconds after its instance was closed, also when its reader still takes some", async () => {
    for (const closesFirst of [true, false]) {
      const { body, clock, reader, over, close, whenClosed } = scene();
      body.write(bytes(200 * KB));
      if (closesFirst) close();
      body.end();
      if (!closesFirst) close();
      await clock.advance(4_999);
      await reader.read();
      expect(over).not.toHaveBeenCalled();
      await clock.advance(1);
      expect([over.mock.calls.length, clock.pending, whenClosed.size]).toEqual([1, 0, 0]);
      expect((await reader.read()).done).toBe(true);
    }
  });

  it("what a reader asked for and did not wait for is not lost, and counts as waiting", async () => {
    const { body, reader } = scene();
    const read = reader.read();
    await Promise.resolve();
    reader.releaseLock();
    await expect(read).rejects.toThrow(TypeError);
    body.write(bytes(3));
    body.write(bytes(2, 3));
    expect(body.waiting).toBe(5);
    body.end();
    const next = body.stream.getReader();
    const values = [(await next.read()).value, (await next.read()).value, (await next.read()).value];
    expect(values).toEqual([bytes(3), bytes(2, 3), undefined]);
  });
});

describe("a host of handle that signals neither abort nor cancel", () => {
  interface Host {
    readonly clock: FakeClock;
    readonly hub: Hub;
    open(): Promise<ReadableStreamDefaultReader<Uint8Array>>;
  }

  function host(): Host {
    const clock = fakeClock();
    const hub = new Hub({ broker: createMemoryBroker(), clock, logger: console, heartbeatMs: HEARTBEAT_MS });
    const owner = new Set<StreamSession>();
    const realtime = {};
    exposeInternals(realtime, {
      openStream: (sink, { channels, keepsCursors }) =>
        hub.openStream(sink, channels, { keepsCursors, maxDurationMs: Number.POSITIVE_INFINITY, owner }),
      openPage: () => expect.fail("no page is asked for"),
      isClosed: () => false,
      whenClosed: new Set<() => void>(),
      isDraining: () => false,
      refused() {},
      disconnects: () => 0,
      wasDisconnected: () => false,
      clock,
      sharesKeys: false,
      logger: console,
    });
    const endpoint = handle({ realtime });
    return {
      clock,
      hub,
      async open() {
        const { body } = await endpoint(new Request("http://localhost/api/realtime?channel=c"));
        return (body as ReadableStream<Uint8Array>).getReader();
      },
    };
  }

  it("has its stream ended when it has taken nothing for three heartbeats: from the first on, or later", async () => {
    const { clock, hub, open } = host();
    const [never, once] = [await open(), await open()];
    await once.read();
    await clock.advance(2 * HEARTBEAT_MS);
    expect(hub.streams).toBe(2);
    await clock.advance(3 * HEARTBEAT_MS);
    expect([hub.streams, clock.pending]).toEqual([0, 0]);
    expect([(await never.read()).done, (await once.read()).done]).toEqual([true, true]);
    await hub.close();
  });

  it("keeps it as long as it takes something in each", async () => {
    const { clock, hub, open } = host();
    const reader = await open();
    let read = 0;
    for (let n = 0; n < 20; n++) {
      const piece = reader.read().then(({ value }) => (read += value?.length ?? 0));
      await clock.advance(HEARTBEAT_MS);
      await piece;
    }
    expect([hub.streams, read > 40]).toEqual([1, true]);
    await reader.cancel();
    expect([hub.streams, clock.pending]).toEqual([0, 0]);
    await hub.close();
  });
});
