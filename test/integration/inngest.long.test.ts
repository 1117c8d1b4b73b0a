import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { z } from "zod";
import { Realtime } from "../../src/index.ts";
import { createRealtimeMiddleware } from "../../src/inngest.ts";
import { openHook, programsOf, type Route } from "../support/guide-programs.ts";
import { NonRetriableError, playRun, playRunOf, type InngestContext } from "../support/inngest.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

const schema = {
  workflow: {
    runStart: z.object({}),
    runFail: z.object({ error: z.string() }),
    stepStart: z.object({ stepName: z.string() }),
    stepFinish: z.object({ stepName: z.string(), result: z.unknown().optional() }),
    stepFail: z.object({ stepName: z.string(), attempt: z.number(), error: z.string() }),
    runFinish: z.object({}),
  },
};
const NAMES = {
  runStart: "workflow.runStart",
  runFail: "workflow.runFail",
  stepStart: "workflow.stepStart",
  stepFail: "workflow.stepFail",
} as const;

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

let runs = 0;

function setUp() {
  const realtime = new Realtime({ schema, redis: redis.url });
  onTestFinished(() => realtime.close());
  const eventId = `01HEVENT${++runs}`;
  return {
    realtime,
    event: { id: eventId, data: { order: 7 } },
    runId: `01HRUN${runs}`,
    async log(channel = eventId) {
      return (await realtime.channel(channel).history()).map(({ event, data }) => [event.replace("workflow.", ""), data]);
    },
  };
}

async function twoSteps({ step }: InngestContext): Promise<unknown> {
  const { total } = await step.run("sum", () => ({ total: 3 }));
  await step.sleep("pause", "1s");
  return await step.run("double", () => total * 2);
}

const TWO_STEPS = [
  ["stepFinish", { stepName: "sum", result: { total: 3 } }],
  ["stepFinish", { stepName: "double", result: 6 }],
  ["runFinish", {}],
];

describe("the middleware for Inngest", () => {
  it("tells of each step that has run, in order, and then of the run, on the channel of the event", async () => {
    const { realtime, event, runId, log } = setUp();
    const middleware = [createRealtimeMiddleware({ realtime })];
    expect(await playRun(twoSteps, { middleware, event, runId })).toBe("finished");
    expect(await log()).toEqual(TWO_STEPS);
  });

  it("repeats nothing when requests are made twice, or their answers are lost", async () => {
    const { realtime, event, runId, log } = setUp();
    const state = await playRun(twoSteps, {
      middleware: [createRealtimeMiddleware({ realtime })],
      event,
      runId,
      async deliver(send, attempt) {
        const [first] = await Promise.all([send(), send()]);
        return attempt === 0 ? undefined : first;
      },
    });
    expect(state).toBe("finished");
    expect(await log()).toEqual(TWO_STEPS);
  });

  it("tells steps of one name apart, one after the other and side by side", async () => {
    const { realtime, event, runId, log } = setUp();
    const fn = async ({ step }: InngestContext): Promise<void> => {
      for (const turn of [1, 2]) await step.run("turn", () => turn);
      await Promise.all(["x", "y"].map((name) => step.run("side", () => name)));
    };
    await playRun(fn, { middleware: [createRealtimeMiddleware({ realtime })], event, runId });
    const told = (await log()).map(([name, data]) => [name, ...Object.values(data as object)].join(" "));
    expect([told.slice(0, 2), told.slice(2, 4).toSorted(), told.slice(4)]).toEqual([
      ["stepFinish turn 1", "stepFinish turn 2"],
      ["stepFinish side x", "stepFinish side y"],
      ["runFinish"],
    ]);
  });

  it("U-31: tells of runs and steps that begin and fail, and nothing of what an error says", async () => {
    const { realtime, event, runId, log } = setUp();
    let attempts = 0;
    const fn = async ({ step }: InngestContext): Promise<void> => {
      await step.run("flaky", () => {
        if (++attempts === 1) throw new Error("secret");
      });
      throw new NonRetriableError("secret, too");
    };
    const middleware = [createRealtimeMiddleware({ realtime, ...NAMES })];
    expect(await playRun(fn, { middleware, event, runId })).toBe("failed");
    expect(await log()).toEqual([
      ["runStart", {}],
      ["stepStart", { stepName: "flaky" }],
      ["stepFail", { stepName: "flaky", attempt: 1, error: "The step failed." }],
      ["stepFinish", { stepName: "flaky" }],
      ["runFail", { error: "The run failed." }],
    ]);
  });

  it("says nothing of a run that failed and is tried again", async () => {
    const { realtime, event, runId, log } = setUp();
    const fn = async ({ attempt }: InngestContext): Promise<void> => {
      if (attempt === 0) throw new Error("not yet");
    };
    const middleware = [createRealtimeMiddleware({ realtime, runFail: NAMES.runFail })];
    expect(await playRun(fn, { middleware, event, runId })).toBe("finished");
    expect(await log()).toEqual([["runFinish", {}]]);
  });

  it("fails no step when the log cannot be reached, and says so", async () => {
    const own = await startRedis();
    const realtime = new Realtime({
      schema,
      redis: own.url,
      emitTimeoutSecs: 0.2,
      logger: { log() {}, warn() {}, error() {} },
    });
    onTestFinished(() => realtime.close());
    await own.stop();
    const errors: string[] = [];
    const middleware = [
      createRealtimeMiddleware({
        realtime,
        channel: ({ runId }) => `run:${runId}`,
        result: ({ stepName }) => stepName,
        onError: ({ message }, { runId }) => errors.push(`${runId} ${message.split(",")[0]}`),
      }),
    ];
    expect(await playRun(twoSteps, { middleware, runId: "01HX" })).toBe("finished");
    expect(errors).toEqual([
      '01HX tidings: "workflow.stepFinish" was not stored on channel "run:01HX"',
      '01HX tidings: "workflow.stepFinish" was not stored on channel "run:01HX"',
      '01HX tidings: "workflow.runFinish" was not stored on channel "run:01HX"',
    ]);
  });

  it("fails no step when who is told of an error throws", async () => {
    const { realtime, event, runId, log } = setUp();
    const printed = vi.spyOn(console, "error").mockImplementation(() => {});
    onTestFinished(() => printed.mockRestore());
    const middleware = [
      createRealtimeMiddleware({
        realtime,
        result: ({ stepName, result }) => (stepName === "sum" ? 1n : result),
        onError() {
          throw new Error("a bug in onError");
        },
      }),
    ];
    expect(await playRun(twoSteps, { middleware, event, runId })).toBe("finished");
    expect(await log()).toEqual(TWO_STEPS.slice(1));
    expect(printed.mock.calls.map(([title, error]) => [title, (error as Error).message])).toEqual([
      [`tidings: run ${runId} of Inngest:`, expect.stringContaining("was not stored")],
      [`tidings: run ${runId} of Inngest:`, "a bug in onError"],
    ]);
  });

  it("waits for a result that is a promise, and reports one that rejects", async () => {
    const { realtime, event, runId, log } = setUp();
    const rejected = vi.fn<(reason: unknown) => void>();
    process.on("unhandledRejection", rejected);
    onTestFinished(() => void process.off("unhandledRejection", rejected));
    const errors: string[] = [];
    const middleware = [
      createRealtimeMiddleware({
        realtime,
        async result({ stepName, result }) {
          if (stepName === "sum") throw new Error("by result");
          return await Promise.resolve(result);
        },
        onError: ({ message }) => errors.push(message),
      }),
    ];
    expect(await playRun(twoSteps, { middleware, event, runId })).toBe("finished");
    expect(await log()).toEqual(TWO_STEPS.slice(1));
    expect([errors, rejected.mock.calls]).toEqual([["by result"], []]);
  });

  it("refuses options that it does not know, and what is no Realtime", () => {
    const { realtime } = setUp();
    const middleware = createRealtimeMiddleware as (options: unknown) => object;
    expect(() => middleware({ realtime, stepStarted: "workflow.stepStart" })).toThrow(/Did you mean `stepStart`\?/);
    expect(() => middleware({})).toThrow(/takes \{ realtime \}/);
  });
});

it("docs/guides/inngest.md: its programs show the steps of a run and its end to who knows the event's id, and no other channel", async () => {
  const program = programsOf("inngest", { REDIS_URL: redis.url, INNGEST_DEV: "1" });
  const { realtime } = (await program("realtime.ts")) as { realtime: Pick<Realtime, "close"> };
  onTestFinished(() => realtime.close());
  const { inngestRoute, realtimeRoute } = (await program("routes.ts")) as { inngestRoute: Route; realtimeRoute: Route };
  const id = "01JDK3V0Z6Q9W8X7Y5T4S2R1P0";
  const load = async () => (await program("use-run.ts"))["useRun"] as (id: string) => unknown;
  const page = await openHook(load, id, { route: realtimeRoute });
  expect(await playRunOf(inngestRoute, "shop-ship", { event: { id, data: { order: "A-7" } } })).toBe("finished");
  await vi.waitFor(() => expect(page.shown).toEqual({ steps: ["print-label", "hand-over"], isFinished: true }));
  expect((await realtimeRoute(new Request("http://localhost/api/realtime?channel=default"))).status).toBe(403);
});
