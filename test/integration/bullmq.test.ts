import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
// @ts-expect-error -- installed with the first import, and typed below
import * as bullmq from "bullmq";
import { z } from "zod";
import { bridgeQueueEvents, jobChannel, recentEvents, type QueueEvent, type QueueEventsLike } from "../../src/bullmq.ts";
import { Realtime } from "../../src/index.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

interface Closable {
  close(force?: boolean): Promise<void>;
}
interface Job {
  readonly id: string;
  updateProgress(progress: object): Promise<void>;
}
interface Connected {
  readonly connection: { readonly port: number; readonly maxRetriesPerRequest?: null };
}
/** What is used of the real package. */
interface BullMQ {
  readonly Queue: new (
    name: string,
    options: Connected,
  ) => Closable & { add(name: string, data: object, options?: { jobId: string }): Promise<Job> };
  readonly Worker: new (name: string, processor: (job: Job) => Promise<unknown>, options: Connected) => Closable;
  readonly QueueEvents: new (
    name: string,
    options: Connected & { lastEventId?: string },
  ) => QueueEventsLike &
    Closable & {
      on(event: "error", listener: () => void): void;
      listenerCount(event: string): number;
    };
}
const { Queue, Worker, QueueEvents } = bullmq as unknown as BullMQ;

const job = z.object({ jobId: z.string() });
const schema = {
  job: {
    waiting: job,
    active: job,
    progress: job.extend({ progress: z.object({ page: z.number() }) }),
    completed: job.extend({ result: z.unknown().optional() }),
    // Where there is a place for it, the default leaves it empty all the same.
    failed: job.extend({ failedReason: z.string().optional() }),
  },
};
const SOON = { timeout: 30_000, interval: 50 };

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

let queues = 0;

/** A queue of its own, with a worker whose jobs have two pages, and fail if they are told to. */
function setUp() {
  const name = `reports${++queues}`;
  const connection = { port: redis.port, maxRetriesPerRequest: null } as const;
  const realtime = new Realtime({ schema, redis: redis.url });
  const queue = new Queue(name, { connection });
  const opened: Closable[] = [];
  onTestFinished(async () => {
    for (const each of opened.toReversed()) await each.close(true);
    await queue.close();
    await realtime.close();
  });
  return {
    name,
    realtime,
    queue,
    work() {
      const processor = async (task: Job & { data?: { bad?: boolean } }): Promise<unknown> => {
        for (const page of [1, 2]) await task.updateProgress({ page });
        if (task.data?.bad) throw new Error("no paper");
        return { pages: 2 };
      };
      opened.push(new Worker(name, processor, { connection }));
    },
    listen(lastEventId?: string) {
      const events = new QueueEvents(name, { connection, ...(lastEventId !== undefined && { lastEventId }) });
      events.on("error", () => {});
      opened.push(events);
      return events;
    },
    async logOf({ id }: Job) {
      const log = await realtime.channel(jobChannel(name, id)).history();
      return log.map(({ event, data }) => [event, data]);
    },
  };
}

const told = (jobId: string) => [
  ["job.progress", { jobId, progress: { page: 1 } }],
  ["job.progress", { jobId, progress: { page: 2 } }],
];

describe("the bridge of BullMQ's events", () => {
  it("tells of each job on a channel of its own: progress, then completed or failed, without why", async () => {
    const { realtime, queue, work, listen, logOf } = setUp();
    await using _bridge = bridgeQueueEvents({ realtime, queueEvents: listen(recentEvents()) });
    const [good, bad] = [await queue.add("print", {}), await queue.add("print", { bad: true })];
    work();
    await vi.waitFor(
      async () =>
        expect(await logOf(good)).toEqual([...told(good.id), ["job.completed", { jobId: good.id, result: { pages: 2 } }]]),
      SOON,
    );
    await vi.waitFor(async () => expect(await logOf(bad)).toEqual([...told(bad.id), ["job.failed", { jobId: bad.id }]]), SOON);
  });

  it("tells of a job whose id is no channel's name", async () => {
    const { name, realtime, queue, work, listen } = setUp();
    const onError = vi.fn<(error: Error) => void>();
    await using _bridge = bridgeQueueEvents({ realtime, queueEvents: listen(recentEvents()), onError });
    const jobId = "order/é 7";
    await queue.add("print", {}, { jobId });
    work();
    const log = realtime.channel(`job:${name}:order/~c3~a9~207`);
    await vi.waitFor(async () => expect((await log.history()).at(-1)?.event).toBe("job.completed"), SOON);
    expect(onError).not.toHaveBeenCalled();
    expect((await log.history()).map(({ event, data }) => [event, data]).slice(0, 2)).toEqual(told(jobId));
  });

  it("stores each event once, however many processes stand a bridge, and whichever events are asked for", async () => {
    const { realtime, queue, work, listen, logOf } = setUp();
    const all = { waiting: "job.waiting", active: "job.active", progress: false } as const;
    const bridges = [1, 2, 3].map(() => bridgeQueueEvents({ realtime, queueEvents: listen(recentEvents()), ...all }));
    onTestFinished(async () => void (await Promise.all(bridges.map((each) => each.close()))));
    const jobs = await Promise.all(Array.from({ length: 20 }, () => queue.add("print", {})));
    work();
    for (const { id } of jobs) {
      const { length } = jobs;
      expect(length).toBe(20);
      await vi.waitFor(async () => expect((await logOf({ id } as Job)).at(-1)?.[0]).toBe("job.completed"), SOON);
    }
    // The slowest of the three has seen the last event, too.
    const late = await queue.add("print", {});
    await vi.waitFor(async () => expect((await logOf(late)).at(-1)?.[0]).toBe("job.completed"), SOON);
    for (const each of [...jobs, late]) {
      expect((await logOf(each)).map(([event]) => event)).toEqual(["job.waiting", "job.active", "job.completed"]);
    }
  });

  it("goes on where it stood: what happened while no bridge stood is told, what was told is not repeated", async () => {
    const { realtime, queue, work, listen, logOf } = setUp();
    work();
    const first = bridgeQueueEvents({ realtime, queueEvents: listen(recentEvents()) });
    const before = await queue.add("print", {});
    await vi.waitFor(async () => expect((await logOf(before)).at(-1)?.[0]).toBe("job.completed"), SOON);
    await first.close();
    const completed: string[] = [];
    listen(recentEvents()).on("completed", ({ jobId }: { jobId: string }) => void completed.push(jobId));
    const between = await queue.add("print", {});
    await vi.waitFor(() => expect(completed).toContain(between.id), SOON);
    expect(await logOf(between)).toEqual([]);

    await using _second = bridgeQueueEvents({ realtime, queueEvents: listen(recentEvents()) });
    await vi.waitFor(async () => expect((await logOf(between)).at(-1)?.[0]).toBe("job.completed"), SOON);
    for (const each of [before, between]) expect(await logOf(each)).toHaveLength(3);
  });

  it("waits for a log that cannot be reached, and goes on in order", async () => {
    const { name, queue, work, listen } = setUp();
    const log = await startRedis({ persistent: true });
    onTestFinished(() => log.stop());
    const realtime = new Realtime({
      schema,
      redis: log.url,
      emitTimeoutSecs: 0.3,
      logger: { log() {}, warn() {}, error() {} },
    });
    onTestFinished(() => realtime.close());
    const errors: unknown[] = [];
    await using _bridge = bridgeQueueEvents({
      realtime,
      queueEvents: listen(recentEvents()),
      onError: (error) => errors.push(error),
    });
    const channelOf = ({ id }: Job) => realtime.channel(jobChannel(name, id));
    const warm = await queue.add("print", {});
    await log.kill();
    // Before there is a worker: what is over when it begins to listen, it would not hear.
    const done = listen(recentEvents());
    const isCompleted = new Promise<void>((resolve) =>
      done.on("completed", ({ jobId }: { jobId: string }) => void (jobId === warm.id && resolve())),
    );
    work();
    await isCompleted;
    await log.start();
    await vi.waitFor(
      async () =>
        expect((await channelOf(warm).history()).map(({ event }) => event)).toEqual([
          "job.progress",
          "job.progress",
          "job.completed",
        ]),
      SOON,
    );
    expect(errors).toEqual([]);
  });

  it("reports what is refused and goes on; names, channel and data are the caller's", async () => {
    const { queue, work, listen } = setUp();
    const realtime = new Realtime({
      schema: { print: { page: z.number().max(1), over: z.string() } },
      redis: { driver: "memory" },
    });
    onTestFinished(() => realtime.close());
    const refused: Array<readonly [string, string]> = [];
    await using _bridge = bridgeQueueEvents({
      realtime,
      queueEvents: listen(recentEvents()),
      progress: "print.page",
      completed: false,
      failed: "print.over",
      channel: ({ jobId }) => `printer:${jobId}`,
      data: ({ progress, failedReason }: QueueEvent) => failedReason ?? (progress as { page: number }).page,
      onError: (error, { kind }) => refused.push([kind, (error as Error & { code: string }).code]),
    });
    const { id } = await queue.add("print", { bad: true });
    work();
    const log = async () => (await realtime.channel(`printer:${id}`).history()).map(({ event, data }) => [event, data]);
    await vi.waitFor(
      async () =>
        expect(await log()).toEqual([
          ["print.page", 1],
          ["print.over", "no paper"],
        ]),
      SOON,
    );
    expect(refused).toEqual([["progress", "invalid_payload"]]);
  });

  it("I9 Close: leaves no listener and no timer, also while it waits for a log", async () => {
    const { queue, work, listen } = setUp();
    const log = await startRedis();
    const realtime = new Realtime({
      schema,
      redis: log.url,
      emitTimeoutSecs: 0.3,
      logger: { log() {}, warn() {}, error() {} },
    });
    onTestFinished(() => realtime.close());
    await log.stop();
    const queueEvents = listen(recentEvents());
    const bridge = bridgeQueueEvents({ realtime, queueEvents });
    const timers = vi.spyOn(globalThis, "setTimeout");
    const cleared = vi.spyOn(globalThis, "clearTimeout");
    onTestFinished(() => {
      timers.mockRestore();
      cleared.mockRestore();
    });
    await queue.add("print", {});
    work();
    // It has tried once, and waits.
    await vi.waitFor(() => expect(timers.mock.calls.some(([, ms]) => ms === 1_000)).toBe(true), SOON);
    const { value: pause } = timers.mock.results[timers.mock.calls.findLastIndex(([, ms]) => ms === 1_000)] ?? {};
    await bridge.close();
    expect(cleared).toHaveBeenCalledWith(pause);
    for (const kind of ["waiting", "active", "progress", "stalled", "completed", "failed"])
      expect(queueEvents.listenerCount(kind)).toBe(0);
    const { length } = timers.mock.calls.filter(([, ms]) => ms === 1_000);
    await bridge.close();
    expect(timers.mock.calls.filter(([, ms]) => ms === 1_000)).toHaveLength(length);
  });

  it("refuses options that it does not know, and what is no queue", () => {
    const { realtime, listen } = setUp();
    const bridge = bridgeQueueEvents as (options: unknown) => object;
    expect(() => bridge({ realtime, queueEvents: listen(), complete: "job.completed" })).toThrow(/Did you mean `completed`\?/);
    expect(() => bridge({ realtime })).toThrow(/no `QueueEvents` of BullMQ/);
    expect(() => bridge({})).toThrow(/no `Realtime`/);
  });
});
