import { WorkflowMiddleware, type WorkflowContext } from "@upstash/workflow";
import { TidingsError, type EventName } from "../index.ts";
import { refuseUnknownOptions } from "../protocol/unknown-options.ts";
import { emitOnce, type RunEvent } from "../runs/emit-once.ts";
import { RUN_FINISH, STEP_FINISH, type FinishNames, type RunChannels } from "../runs/events.ts";
import { finishedStep, startingStep, type StepPosition } from "./position.ts";

/** Options of {@link createRealtimeMiddleware}. Names of events are those of the schema of `realtime`. */
export type RealtimeMiddlewareOptions<O> = FinishNames<O> & {
  /** Where the events of runs go. */
  readonly realtime: RunChannels<O>;
  /**
   * The channel of a run. A name that holds the run's id is for that run alone; on a channel of several runs a step that is tried again
   * after more than five minutes may be told of twice.
   *
   * @default the run's id
   */
  readonly channel?: ((context: WorkflowContext) => string) | undefined;
  /**
   * What pages see of the result of a step. Results go to every reader of the channel, so leave out what is not theirs.
   *
   * @default the whole result
   */
  readonly result?: ((step: { readonly stepName: string; readonly result: unknown }) => unknown) | undefined;
  /** The event with which a run begins, `{}`. @default none */
  readonly runStart?: EventName<O> | undefined;
  /** The event with which a step begins, `{ stepName }`; a step that is tried again begins once. @default none */
  readonly stepStart?: EventName<O> | undefined;
  /**
   * The event of an attempt that failed, `{ stepName, attempt, error }`; the first attempt is 1. There is none for
   * `WorkflowNonRetryableError` and `WorkflowRetryAfterError`: the package tells middlewares nothing of them.
   *
   * @default none
   */
  readonly stepFail?: EventName<O> | undefined;
  /** What pages see of an error, as `error` of `stepFail`. @default `"The step failed."` */
  readonly describeError?: ((error: Error) => string) | undefined;
};

const OPTIONS: Readonly<Record<keyof RealtimeMiddlewareOptions<object>, true>> = {
  realtime: true,
  channel: true,
  step: true,
  finish: true,
  result: true,
  runStart: true,
  stepStart: true,
  stepFail: true,
  describeError: true,
};

/** Runs of which a step began in this process, for its failure: that is told without the run's context. */
const MAX_BEGUN = 1_000;

interface Begun {
  readonly channel: string;
  readonly position: StepPosition | undefined;
  readonly attempt: number;
}

/**
 * A middleware of `@upstash/workflow` that tells of a run on a channel: one event per finished step, in order, and one when the run
 * has finished. Steps need no `emit`. A step that is tried again is told of once. An event that cannot be stored is reported by the
 * package's own means and changes nothing for the run; it waits `emitTimeoutSecs` at most.
 *
 * @throws TidingsError `bad_option`
 */
export function createRealtimeMiddleware<O>(options: RealtimeMiddlewareOptions<O>): WorkflowMiddleware {
  if (typeof options !== "object" || options === null || typeof options.realtime?.channel !== "function") {
    throw new TidingsError("bad_option", "`createRealtimeMiddleware` takes { realtime }, a `Realtime`; it got something else.");
  }
  refuseUnknownOptions("`createRealtimeMiddleware`", options, OPTIONS);
  const { realtime, runStart, stepStart, stepFail } = options;
  const { step = STEP_FINISH, finish = RUN_FINISH } = options as { readonly step?: string; readonly finish?: string };
  const channelOf = options.channel ?? ((context: WorkflowContext) => context.workflowRunId);
  const shown = options.result ?? (({ result }) => result);
  const describe = options.describeError ?? (() => "The step failed.");
  const begun = new Map<string, Begun>();
  /** What was thrown here: the package gives it to `onError`, too. */
  const own = new WeakSet<Error>();

  /** What goes wrong here is known by it when the package gives it back. */
  async function owning(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      own.add(error);
      throw error;
    }
  }

  async function tell(
    context: WorkflowContext,
    one: Omit<RunEvent, "channel" | "earlier"> & { count?: number; name?: string },
  ): Promise<void> {
    const channel = channelOf(context);
    const { workflowRunId, workflowRunCreatedAt } = context;
    const { count = 1, name, ...event } = one;
    const earlier = {
      since: workflowRunCreatedAt,
      matches: (data: unknown) => name === undefined || stepNameOf(data) === name,
      count,
    };
    const isOfRun = typeof channel === "string" && channel.includes(workflowRunId);
    await emitOnce(realtime, { ...event, channel, ...(isOfRun && { earlier }) });
  }

  const tellOfRun = (context: WorkflowContext, event: string): Promise<void> =>
    owning(() => tell(context, { event, data: {}, id: [context.workflowRunId, event] }));

  async function tellOfStep(
    context: WorkflowContext,
    event: string,
    told: { stepName: string; position: StepPosition | undefined; data: object },
  ): Promise<void> {
    const { stepName, position, data } = told;
    // Rather twice than never: without its number a step cannot be told from another one of its name.
    const id = position ? String(position.stepId) : crypto.randomUUID();
    const count = position?.count ?? Infinity;
    await tell(context, { event, data, id: [context.workflowRunId, event, id], name: stepName, count });
  }

  return new WorkflowMiddleware({
    name: "tidings",
    callbacks: {
      afterExecution: ({ context, stepName, result }) =>
        owning(async () => {
          const position = finishedStep(context, stepName);
          await tellOfStep(context, step, {
            stepName,
            position,
            data: { stepName, result: await shown({ stepName, result }) },
          });
        }),
      runCompleted: ({ context }) => tellOfRun(context, finish),
      ...(runStart !== undefined && {
        runStarted: ({ context }: { context: WorkflowContext }) => tellOfRun(context, runStart),
      }),
      ...((stepStart !== undefined || stepFail !== undefined) && {
        beforeExecution: ({ context, stepName }: { context: WorkflowContext; stepName: string }) =>
          owning(async () => {
            const position = startingStep(context, stepName);
            if (stepFail !== undefined) note(context, position);
            if (stepStart !== undefined) await tellOfStep(context, stepStart, { stepName, position, data: { stepName } });
          }),
      }),
      ...(stepFail !== undefined && { onError: tellOfFailure }),
    },
  });

  function note(context: WorkflowContext, position: StepPosition | undefined): void {
    const { workflowRunId, retried } = context;
    begun.delete(workflowRunId);
    begun.set(workflowRunId, { channel: channelOf(context), position, attempt: retried + 1 });
    for (const oldest of begun.keys()) {
      if (begun.size <= MAX_BEGUN) break;
      begun.delete(oldest);
    }
  }

  async function tellOfFailure({ error, workflowRunId = "" }: { error: Error; workflowRunId?: string }): Promise<void> {
    const print = (what: unknown): void => console.error(`[workflow run ${workflowRunId}]`, what);
    // With an `onError` of ours the package does not print what we threw, and says nothing of what is thrown here.
    if (own.has(error)) return print(error);
    const stepName = (error as { readonly errorStepName?: unknown }).errorStepName;
    const known = begun.get(workflowRunId);
    if (stepFail === undefined || typeof stepName !== "string" || !known) return;
    const { channel, position, attempt } = known;
    try {
      const data = { stepName, attempt, error: describe(error) };
      const id = [workflowRunId, stepFail, String(position?.stepId ?? stepName), String(attempt)];
      await emitOnce(realtime, { channel, event: stepFail, data, id });
    } catch (thrown) {
      print(thrown);
    }
  }
}

function stepNameOf(data: unknown): unknown {
  return typeof data === "object" && data !== null && "stepName" in data ? data.stepName : undefined;
}
