import { Middleware, type RunContext, type StepInfo } from "inngest";
import { TidingsError, type EventName } from "../index.ts";
import { refuseUnknownOptions } from "../protocol/unknown-options.ts";
import { emitOnce } from "../runs/emit-once.ts";
import { RUN_FINISH, STEP_FINISH, type FinishNames, type RunChannels } from "../runs/events.ts";
import { reportTo } from "../runs/report.ts";

/** What a run is, as far as its channel is chosen by it. */
export interface InngestRun {
  readonly runId: string;
  /** The event that triggered it. */
  readonly event: { readonly id?: string | undefined; readonly name: string; readonly data: unknown };
}

/** Options of {@link createRealtimeMiddleware}. Names of events are those of the schema of `realtime`. */
export type RealtimeMiddlewareOptions<O> = FinishNames<O> & {
  /** Where the events of runs go. */
  readonly realtime: RunChannels<O>;
  /** The channel of a run. @default the id of the event that triggered it, which `inngest.send` returns; the run's id, if that has none */
  readonly channel?: ((run: InngestRun) => string) | undefined;
  /**
   * What pages see of the result of a step. Results go to every reader of the channel, so leave out what is not theirs.
   *
   * @default the whole result
   */
  readonly result?: ((step: { readonly stepName: string; readonly result: unknown }) => unknown) | undefined;
  /** The event with which a run begins, `{}`. @default none */
  readonly runStart?: EventName<O> | undefined;
  /** The event of a run that failed for good, `{ error }`. @default none */
  readonly runFail?: EventName<O> | undefined;
  /** The event with which a step begins, `{ stepName }`; a step that is tried again begins once. @default none */
  readonly stepStart?: EventName<O> | undefined;
  /** The event of an attempt that failed, `{ stepName, attempt, error }`; the first attempt is 1. @default none */
  readonly stepFail?: EventName<O> | undefined;
  /** What pages see of an error, as `error` of `stepFail` and `runFail`. @default `"The step failed."`, `"The run failed."` */
  readonly describeError?: ((error: Error) => string) | undefined;
  /** Is told of an event that could not be stored. @default console.error */
  readonly onError?: ((error: Error, run: InngestRun) => void) | undefined;
};

const OPTIONS: Readonly<Record<keyof RealtimeMiddlewareOptions<object>, true>> = {
  realtime: true,
  channel: true,
  step: true,
  finish: true,
  result: true,
  runStart: true,
  runFail: true,
  stepStart: true,
  stepFail: true,
  describeError: true,
  onError: true,
};

interface InRun {
  readonly ctx: RunContext;
}
interface InStep extends InRun {
  readonly stepInfo: StepInfo;
}

/**
 * A middleware of Inngest 4 that tells of a run on a channel: one event per finished `step.run`, `step.ai.wrap` or `step.sendEvent`, and
 * one when the run has finished. Steps need no `emit`. A step that is tried again within five minutes is told of once. An event that
 * cannot be stored changes nothing for the run; it waits `emitTimeoutSecs` at most.
 *
 * @throws TidingsError `bad_option`
 */
export function createRealtimeMiddleware<O>(options: RealtimeMiddlewareOptions<O>): Middleware.Class {
  if (typeof options !== "object" || options === null || typeof options.realtime?.channel !== "function") {
    throw new TidingsError("bad_option", "`createRealtimeMiddleware` takes { realtime }, a `Realtime`; it got something else.");
  }
  refuseUnknownOptions("`createRealtimeMiddleware`", options, OPTIONS);
  const { realtime, runStart, runFail, stepStart, stepFail, describeError } = options;
  const { step = STEP_FINISH, finish = RUN_FINISH } = options as { readonly step?: string; readonly finish?: string };
  const channelOf = options.channel ?? (({ event, runId }: InngestRun) => event.id ?? runId);
  const shown = options.result ?? (({ result }) => result);
  const report = reportTo(options.onError, ({ runId }: InngestRun) => `run ${runId} of Inngest`);

  /** Stores an event. Never rejects: Inngest would take that for a failure of the step. */
  async function tell(
    run: InngestRun,
    event: string,
    { data, id }: { data: () => object | Promise<object>; id: readonly string[] },
  ): Promise<void> {
    try {
      await emitOnce(realtime, { channel: channelOf(run), event, data: await data(), id: [run.runId, event, ...id] });
    } catch (error) {
      report(error as Error, run);
    }
  }

  return class RealtimeMiddleware extends Middleware.BaseMiddleware {
    readonly id: string = "tidings";

    async onRunStart({ ctx }: InRun): Promise<void> {
      if (runStart !== undefined) await tell(ctx, runStart, { data: () => ({}), id: [] });
    }

    async onStepStart({ ctx, stepInfo }: InStep): Promise<void> {
      const stepName = stepInfo.options.id;
      if (stepStart !== undefined) await tell(ctx, stepStart, { data: () => ({ stepName }), id: [stepInfo.hashedId] });
    }

    async onStepComplete({ ctx, stepInfo, output }: InStep & { readonly output: unknown }): Promise<void> {
      const stepName = stepInfo.options.id;
      const data = async (): Promise<object> => ({ stepName, result: await shown({ stepName, result: output }) });
      await tell(ctx, step, { data, id: [stepInfo.hashedId] });
    }

    async onStepError({ ctx, stepInfo, error }: InStep & { readonly error: Error }): Promise<void> {
      if (stepFail === undefined) return;
      const stepName = stepInfo.options.id;
      const attempt = ctx.attempt + 1;
      const data = (): object => ({ stepName, attempt, error: describeError?.(error) ?? "The step failed." });
      await tell(ctx, stepFail, { data, id: [stepInfo.hashedId, String(attempt)] });
    }

    async onRunComplete({ ctx }: InRun): Promise<void> {
      await tell(ctx, finish, { data: () => ({}), id: [] });
    }

    async onRunError({
      ctx,
      error,
      isFinalAttempt,
    }: InRun & { readonly error: Error; readonly isFinalAttempt: boolean }): Promise<void> {
      if (runFail === undefined || !isFinalAttempt) return;
      await tell(ctx, runFail, { data: () => ({ error: describeError?.(error) ?? "The run failed." }), id: [] });
    }
  };
}
