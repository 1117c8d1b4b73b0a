import { EventEmitter } from "node:events";
import { expect, it, onTestFinished, vi } from "vitest";
import { z } from "zod";
import { bridgeQueueEvents, type BridgeOptions, type QueueEventsLike } from "../bullmq.ts";
import { Realtime } from "../index.ts";

const schema = { job: { done: z.object({ jobId: z.string().max(3) }) } };

type OnError = BridgeOptions<{ readonly schema: typeof schema }>["onError"];

function bridge(onError: OnError) {
  const realtime = new Realtime({ schema, redis: { driver: "memory" } });
  onTestFinished(() => realtime.close());
  const queueEvents = Object.assign(new EventEmitter(), { name: "print" }) as EventEmitter & QueueEventsLike;
  const options = { realtime, queueEvents, completed: "job.done", progress: false, failed: false, onError } as const;
  const standing = bridgeQueueEvents({ ...options, channel: () => "jobs", data: ({ jobId }) => ({ jobId }) });
  onTestFinished(() => standing.close());
  let ids = 0;
  return {
    complete: (jobId: string) => void queueEvents.emit("completed", { jobId, returnvalue: 1 }, `${++ids}-0`),
    stored: async () => (await realtime.channel("jobs").history()).map(({ data }) => data),
    standing,
  };
}

it.each<[how: string, onError: () => Promise<void>]>([
  [
    "throws",
    () => {
      throw new Error("a bug in onError");
    },
  ],
  ["rejects", () => Promise.reject(new Error("a bug in onError"))],
])(
  "an `onError` that %s stops neither the bridge nor the queue's own events, and both errors are printed",
  async (_how, onError) => {
    const printed = vi.spyOn(console, "error").mockImplementation(() => {});
    onTestFinished(() => printed.mockRestore());
    const { complete, stored, standing } = bridge(onError);
    complete("too long");
    // One more than may wait while that one is being stored: the oldest of them is dropped, and that is told as well.
    for (let at = 0; at <= 10_000; at++) complete(`${at % 1000}`);
    await vi.waitFor(async () => expect(await stored()).toContainEqual({ jobId: "999" }));
    await standing.close();
    const told = (jobId: string): string[] =>
      printed.mock.calls
        .filter(([title]) => title === `tidings: "completed" of job ${jobId} of the queue "print":`)
        .map(([, error]) => (error as Error).message);
    expect(told("too long")).toEqual([expect.stringContaining("was not stored"), "a bug in onError"]);
    expect(told("0")).toEqual([expect.stringContaining("the oldest was dropped"), "a bug in onError"]);
    expect(printed).toHaveBeenCalledTimes(4);
  },
);

it("reports an event whose data is a promise that rejects, and goes on with the next", async () => {
  const realtime = new Realtime({ redis: { driver: "memory" } });
  onTestFinished(() => realtime.close());
  const queueEvents = Object.assign(new EventEmitter(), { name: "print" }) as EventEmitter & QueueEventsLike;
  const errors: string[] = [];
  const standing = bridgeQueueEvents({
    ...{ realtime, queueEvents, channel: () => "jobs" },
    async data({ jobId }) {
      if (jobId === "gone") throw new Error("there is no such job any more");
      return await Promise.resolve({ jobId });
    },
    onError: ({ message }, { jobId }) => void errors.push(`${jobId}: ${message}`),
  });
  onTestFinished(() => standing.close());
  for (const [at, jobId] of ["gone", "next"].entries()) queueEvents.emit("completed", { jobId, returnvalue: 1 }, `${at}-0`);
  const stored = async () => (await realtime.channel("jobs").history()).map(({ data }) => data);
  await vi.waitFor(async () => expect(await stored()).toEqual([{ jobId: "next" }]));
  expect(errors).toEqual([expect.stringMatching(/^gone: .*there is no such job any more/)]);
});
