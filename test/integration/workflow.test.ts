import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { z } from "zod";
import { handle, Realtime } from "../../src/index.ts";
import { createRealtimeMiddleware } from "../../src/workflow.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { rawCommand } from "../support/raw-redis.ts";
import { readStream } from "../support/stream-reader.ts";
import { stage, WorkflowMiddleware, type Context, type StageOptions } from "../support/workflows.ts";

const schema = {
  workflow: {
    runStart: z.object({}),
    stepStart: z.object({ stepName: z.string() }),
    stepFinish: z.object({ stepName: z.string(), result: z.unknown().optional() }),
    stepFail: z.object({ stepName: z.string(), attempt: z.number(), error: z.string() }),
    waitingForInput: z.object({ eventId: z.string() }),
    inputResolved: z.object({ approved: z.boolean() }),
    runFinish: z.object({}),
  },
};

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** A Realtime, on Redis unless another place is named. */
function setUp(place: string | { driver: "memory" } = redis.url) {
  const realtime = new Realtime({ schema, redis: place });
  onTestFinished(() => realtime.close());
  return realtime;
}

type Told = ReturnType<typeof setUp>;

/** What the log of a run holds, each entry as its name and data. */
async function logOf(realtime: Told, channel: string): Promise<unknown[]> {
  return (await realtime.channel(channel).history()).map(({ event, data }) => [event.replace("workflow.", ""), data]);
}

async function play(workflow: (context: Context) => Promise<unknown>, options: StageOptions) {
  await using there = await stage(workflow, options);
  return await there.play();
}

/** Two steps, and what they return. */
async function twoSteps(context: Context): Promise<unknown> {
  const { valid } = await context.run("validate", () => ({ valid: true }));
  return await context.run("process", async () => ({ processed: valid }));
}

const TWO_STEPS = [
  ["stepFinish", { stepName: "validate", result: { valid: true } }],
  ["stepFinish", { stepName: "process", result: { processed: true } }],
  ["runFinish", {}],
];

describe("the middleware for Upstash Workflow", () => {
  it("U-5, U-6: tells of each finished step, in order, and then of the run; steps need no emit", async () => {
    const realtime = setUp();
    const { runId, state } = await play(twoSteps, { middlewares: [createRealtimeMiddleware({ realtime })] });
    expect(state).toBe("finished");
    expect(await logOf(realtime, runId)).toEqual(TWO_STEPS);
  });

  it("U-4: a middleware by hand, that emits in `afterExecution` and `runCompleted`, does the same", async () => {
    const realtime = setUp();
    const byHand = new WorkflowMiddleware({
      name: "by-hand",
      callbacks: {
        async afterExecution(step: { context: Context; stepName: string; result: unknown }) {
          const { stepName, result } = step;
          await realtime.channel(step.context.workflowRunId).emit("workflow.stepFinish", { stepName, result });
        },
        async runCompleted({ context }: { context: Context }) {
          await realtime.channel(context.workflowRunId).emit("workflow.runFinish", {});
        },
      },
    });
    const { runId } = await play(twoSteps, { middlewares: [byHand] });
    expect(await logOf(realtime, runId)).toEqual(TWO_STEPS);
  });

  it("U-2: a step without a result is told of without one", async () => {
    const realtime = setUp();
    const { runId } = await play((context) => context.run("nothing", () => undefined), {
      middlewares: [createRealtimeMiddleware({ realtime })],
    });
    expect(await logOf(realtime, runId)).toEqual([
      ["stepFinish", { stepName: "nothing" }],
      ["runFinish", {}],
    ]);
  });

  it("U-7: two runs at a time tell each on a channel of its own", async () => {
    const realtime = setUp();
    const middlewares = [createRealtimeMiddleware({ realtime })];
    await using there = await stage((context) => context.run("echo", () => context.requestPayload), { middlewares });
    const runs = await Promise.all(["a", "b"].map((body) => there.play({ body })));
    const logs = await Promise.all(runs.map(({ runId }) => logOf(realtime, runId)));
    expect(logs).toEqual(
      ["a", "b"].map((result) => [
        ["stepFinish", { stepName: "echo", result }],
        ["runFinish", {}],
      ]),
    );
  });

  it("U-12: a step is delivered to who listens before the next one begins", async () => {
    const realtime = setUp();
    const seen: string[] = [];
    const workflowRunId = "wfr_listened-to";
    await realtime.channel(workflowRunId).subscribe({ onData: ({ event }) => void seen.push(event) });
    const whenBegun: number[] = [];
    const workflow = async (context: Context): Promise<void> => {
      for (const name of ["one", "two", "three"]) {
        await context.run(name, async () => {
          const expected = whenBegun.length;
          // Stored is not delivered: the reader is given what it needs, and no step more.
          await vi.waitFor(() => expect(seen.length).toBeGreaterThanOrEqual(expected));
          whenBegun.push(seen.length);
        });
      }
    };
    await using there = await stage(workflow, { middlewares: [createRealtimeMiddleware({ realtime })] });
    await there.play({ workflowRunId: "listened-to" });
    expect(whenBegun).toEqual([0, 1, 2]);
  });

  it("U-13: who comes after the run has finished is shown all of it", async () => {
    const realtime = setUp();
    const { runId } = await play(twoSteps, { middlewares: [createRealtimeMiddleware({ realtime })] });
    const stream = await readStream(handle({ realtime }), `v=1&channel=${runId}&at=-`);
    await stream.until((frames) => frames.filter(({ event }) => event === "").length === 3);
    expect(stream.frames.filter(({ event }) => event === "").map(({ data }) => data["event"])).toEqual([
      "workflow.stepFinish",
      "workflow.stepFinish",
      "workflow.runFinish",
    ]);
    await stream.close();
  });

  describe("when QStash tries again", () => {
    it("U-14: a step that fails twice does not repeat the one before it", async () => {
      const realtime = setUp();
      let attempts = 0;
      const workflow = async (context: Context): Promise<void> => {
        await context.run("first", () => 1);
        await context.run("flaky", () => {
          if (++attempts < 3) throw new Error("not yet");
          return attempts;
        });
      };
      vi.spyOn(console, "error").mockReturnValue();
      onTestFinished(() => void vi.restoreAllMocks());
      const { runId, state } = await play(workflow, { middlewares: [createRealtimeMiddleware({ realtime })] });
      expect([state, attempts]).toEqual(["finished", 3]);
      expect(await logOf(realtime, runId)).toEqual([
        ["stepFinish", { stepName: "first", result: 1 }],
        ["stepFinish", { stepName: "flaky", result: 3 }],
        ["runFinish", {}],
      ]);
    });

    it("U-14: requests that are made twice, or whose answer is lost, repeat nothing", async () => {
      const realtime = setUp();
      vi.spyOn(console, "warn").mockReturnValue();
      onTestFinished(() => void vi.restoreAllMocks());
      const { runId, state } = await play(twoSteps, {
        middlewares: [createRealtimeMiddleware({ realtime })],
        async deliver({ retried }, send) {
          await Promise.all([send(), send()]);
          return retried === 0 ? 502 : 200;
        },
      });
      expect(state).toBe("finished");
      expect(await logOf(realtime, runId)).toEqual(TWO_STEPS);
    });

    it("U-14: a try that comes after the log has forgotten the ids of its emits repeats nothing", async () => {
      const realtime = setUp();
      vi.spyOn(console, "warn").mockReturnValue();
      onTestFinished(() => void vi.restoreAllMocks());
      const long = 6 * 60_000;
      const now = vi.spyOn(Date, "now");
      const started = Date.now();
      const { runId } = await play(twoSteps, {
        middlewares: [createRealtimeMiddleware({ realtime })],
        createdAt: () => started,
        async deliver({ retried }, send) {
          if (retried === 1) {
            // Six minutes later, as far as anybody can tell: Redis has dropped what it kept for five.
            for (const key of (await rawCommand(redis.port, "KEYS", "*")) as string[]) {
              if ((await rawCommand(redis.port, "TYPE", key)) === "string") await rawCommand(redis.port, "DEL", key);
            }
            const time = performance.now();
            now.mockImplementation(() => Math.round(started + long + performance.now() - time));
          }
          const status = await send();
          return retried === 0 ? 502 : status;
        },
      });
      expect(await logOf(realtime, runId)).toEqual(TWO_STEPS);
    });

    it("U-14: steps of one name, and steps side by side whose requests come in another order, are each told of once", async () => {
      const realtime = setUp();
      vi.spyOn(console, "warn").mockReturnValue();
      onTestFinished(() => void vi.restoreAllMocks());
      const workflow = async (context: Context): Promise<void> => {
        for (const turn of [1, 2]) await context.run("turn", () => turn);
        await Promise.all(["x", "y", "z"].map((name) => context.run("side", () => name)));
        await context.run("end", () => "end");
      };
      let release = (): void => {};
      const lastIsMade = new Promise<void>((resolve) => (release = resolve));
      const { runId, state } = await play(workflow, {
        middlewares: [createRealtimeMiddleware({ realtime })],
        async deliver({ steps }, send) {
          // The first plan waits for the last one to be made, and everything is made twice.
          const plan = steps.at(-1)?.targetStep;
          if (plan === 3) await lastIsMade;
          const [status] = await Promise.all([send(), send()]);
          if (plan === 5) release();
          return status ?? 200;
        },
      });
      expect(state).toBe("finished");
      const log = (await logOf(realtime, runId)) as Array<[string, { stepName?: string; result?: unknown }]>;
      const told = log.map(([event, { stepName, result }]) => [event, stepName, result].join(" ").trim());
      expect([told.slice(0, 2), told.slice(2, 5).toSorted(), told.slice(5)]).toEqual([
        ["stepFinish turn 1", "stepFinish turn 2"],
        ["stepFinish side x", "stepFinish side y", "stepFinish side z"],
        ["stepFinish end end", "runFinish"],
      ]);
    });
  });

  it("U-15: an outage of Redis is reported for each event that was not stored, and fails no step", async () => {
    const own = await startRedis();
    onTestFinished(() => own.stop());
    const realtime = new Realtime({
      schema,
      redis: own.url,
      emitTimeoutSecs: 1,
      logger: { log() {}, warn() {}, error() {} },
    });
    onTestFinished(() => realtime.close());
    // Connected before anything is given so little time.
    await realtime.channel("warm").history();
    const errors = vi.spyOn(console, "error").mockReturnValue();
    onTestFinished(() => void vi.restoreAllMocks());
    const workflow = async (context: Context): Promise<void> => {
      await context.run("before", () => 1);
      await context.run("cut", () => own.kill());
      await context.run("after", () => 2);
    };
    const { runId, state } = await play(workflow, { middlewares: [createRealtimeMiddleware({ realtime })] });
    expect(state).toBe("finished");
    const reports = errors.mock.calls.map(([text]) => String(text));
    const stored = /"(workflow\.\w+)" was not stored on channel "([\w-]+)", so pages do not show it; the run goes on\./;
    expect(reports.map((text) => stored.exec(text)?.slice(1))).toEqual([
      ["workflow.stepFinish", runId],
      ["workflow.stepFinish", runId],
      ["workflow.runFinish", runId],
    ]);
  });

  it("U-16: a middleware made by `init` is told of the same: runs and steps that begin and end, and what went wrong", async () => {
    const realtime = setUp();
    const told: string[] = [];
    const failure = new Error("no");
    const byHand = new WorkflowMiddleware({
      name: "by-hand",
      init: () => ({
        runStarted: () => void told.push("runStarted"),
        beforeExecution: ({ stepName }: { stepName: string }) => void told.push(`beforeExecution ${stepName}`),
        async afterExecution({ context, stepName }: { context: Context; stepName: string }) {
          await realtime.channel(context.workflowRunId).emit("workflow.stepFinish", { stepName });
          throw failure;
        },
        runCompleted: () => void told.push("runCompleted"),
        onError: ({ error }: { error: Error }) => void told.push(error === failure ? "onError" : String(error)),
      }),
    });
    const { runId } = await play((context) => context.run("only", () => 1), { middlewares: [byHand] });
    expect(told).toEqual(["runStarted", "beforeExecution only", "onError", "runCompleted"]);
    expect(await logOf(realtime, runId)).toEqual([["stepFinish", { stepName: "only" }]]);
  });

  it("U-31: tells of runs and steps that begin, of attempts that fail, and of a run that waits for input", async () => {
    const realtime = setUp();
    let attempts = 0;
    const workflow = async (context: Context): Promise<void> => {
      const channel = realtime.channel(context.workflowRunId);
      const eventId = `approve-${context.workflowRunId}`;
      await context.run("draft", () => {
        if (++attempts === 1) throw new Error("secret");
      });
      await context.run("ask", () => channel.emit("workflow.waitingForInput", { eventId }));
      const { eventData } = await context.waitForEvent("approval", eventId);
      await context.run("resolve", () => channel.emit("workflow.inputResolved", eventData as { approved: boolean }));
    };
    vi.spyOn(console, "error").mockReturnValue();
    onTestFinished(() => void vi.restoreAllMocks());
    const middleware = createRealtimeMiddleware({
      realtime,
      result: () => undefined,
      runStart: "workflow.runStart",
      stepStart: "workflow.stepStart",
      stepFail: "workflow.stepFail",
    });
    await using there = await stage(workflow, { middlewares: [middleware] });
    const { runId, state } = await there.play();
    expect(state).toBe("running");
    const waiting = [
      ["runStart", {}],
      ["stepStart", { stepName: "draft" }],
      ["stepFail", { stepName: "draft", attempt: 1, error: "The step failed." }],
      ["stepFinish", { stepName: "draft" }],
      ["stepStart", { stepName: "ask" }],
      ["waitingForInput", { eventId: `approve-${runId}` }],
      ["stepFinish", { stepName: "ask" }],
      ["stepStart", { stepName: "approval" }],
    ];
    expect(await logOf(realtime, runId)).toEqual(waiting);

    await there.client.notify({ eventId: `approve-${runId}`, eventData: { approved: true } });
    await there.qstash.settled();
    expect(there.qstash.run(runId)?.state).toBe("finished");
    expect((await logOf(realtime, runId)).slice(waiting.length)).toEqual([
      ["stepFinish", { stepName: "approval" }],
      ["stepStart", { stepName: "resolve" }],
      ["inputResolved", { approved: true }],
      ["stepFinish", { stepName: "resolve" }],
      ["runFinish", {}],
    ]);
  });

  it("reports what it could not store also where it tells of failures, and describes them as it was told to", async () => {
    const realtime = setUp();
    const errors = vi.spyOn(console, "error").mockReturnValue();
    onTestFinished(() => void vi.restoreAllMocks());
    const middleware = createRealtimeMiddleware({
      realtime,
      // No event takes a number for a name.
      step: "workflow.inputResolved",
      stepFail: "workflow.stepFail",
      describeError: ({ message }) => message.toUpperCase(),
    });
    let attempts = 0;
    const workflow = (context: Context): Promise<void> =>
      context.run("only", () => {
        if (++attempts === 1) throw new Error("too early");
      });
    const { runId } = await play(workflow, { middlewares: [middleware] });
    expect(await logOf(realtime, runId)).toEqual([
      ["stepFail", { stepName: "only", attempt: 1, error: "TOO EARLY" }],
      ["runFinish", {}],
    ]);
    expect(
      errors.mock.calls
        .filter(([text]) => String(text).includes(runId))
        .map(([, error]) => (error as Error | undefined)?.message),
    ).toContainEqual(expect.stringContaining('"workflow.inputResolved" was not stored on channel'));
  });

  it("reports what its own options throw or reject with, also where it tells of failures", async () => {
    const fail = (what: string) => () => {
      throw new Error(what);
    };
    const rejected = vi.fn<(reason: unknown) => void>();
    process.on("unhandledRejection", rejected);
    onTestFinished(() => void process.off("unhandledRejection", rejected));
    const reportsOf = async (options: object, step: () => unknown = () => 1): Promise<string[]> => {
      const realtime = setUp({ driver: "memory" });
      const errors = vi.spyOn(console, "error").mockReturnValue();
      onTestFinished(() => void vi.restoreAllMocks());
      const middleware = createRealtimeMiddleware({ realtime, ...options });
      await play((context) => context.run("only", step), { middlewares: [middleware] });
      return errors.mock.calls.splice(0).map((told) => told.map(String).join(" "));
    };
    const stepFail = "workflow.stepFail";
    for (const more of [{}, { stepFail }]) {
      expect(await reportsOf({ ...more, result: fail("by result") })).toContainEqual(expect.stringContaining("by result"));
      expect(await reportsOf({ ...more, channel: fail("by channel") })).toContainEqual(expect.stringContaining("by channel"));
      const late = async (): Promise<never> => Promise.reject(new Error("late"));
      expect(await reportsOf({ ...more, result: late })).toContainEqual(expect.stringContaining("late"));
    }
    const described = await reportsOf({ stepFail, describeError: fail("by describeError") }, fail("by the step"));
    expect(described).toContainEqual(expect.stringContaining("by describeError"));
    expect(rejected).not.toHaveBeenCalled();
  });

  it("tells on the channel that it is given, under names of one's own", async () => {
    const realtime = new Realtime({
      schema: { job: { done: z.object({ stepName: z.string(), result: z.number() }), over: z.object({}) } },
      redis: { driver: "memory" },
    });
    onTestFinished(() => realtime.close());
    const middleware = createRealtimeMiddleware({
      realtime,
      channel: ({ requestPayload }) => `user:${String(requestPayload)}`,
      step: "job.done",
      finish: "job.over",
      result: ({ result }) => (result as { total: number }).total,
    });
    await using there = await stage((context) => context.run("sum", () => ({ total: 3, secret: "s" })), {
      middlewares: [middleware],
    });
    await there.play({ body: "ada", workflowRunId: "x".repeat(140) });
    expect((await realtime.channel("user:ada").history()).map(({ event, data }) => [event, data])).toEqual([
      ["job.done", { stepName: "sum", result: 3 }],
      ["job.over", {}],
    ]);
  });

  it("refuses options that it does not know, and what is no Realtime", () => {
    const realtime = setUp({ driver: "memory" });
    const middleware = createRealtimeMiddleware as (options: unknown) => object;
    expect(() => middleware({ realtime, steps: "workflow.stepFinish" })).toThrow(
      /`steps` is no option .* Did you mean `step`\?/,
    );
    expect(() => middleware({})).toThrow(/takes \{ realtime \}/);
  });
});
