import type { Channel, EventName } from "../index.ts";

/** A `Realtime` with the options `O`, as far as the events of runs need one. */
export interface RunChannels<O> {
  channel(name: string): Channel<O>;
}

/** The event that tells of a finished step, unless another one is named. */
export const STEP_FINISH = "workflow.stepFinish";
/** The event that tells of a finished run, unless another one is named. */
export const RUN_FINISH = "workflow.runFinish";

/** Which events tell of finished steps, and that the run has finished. */
export type FinishNames<O> = (typeof STEP_FINISH extends EventName<O> ? StepName<O> : SchemaHasNoStepFinish<O>) &
  (typeof RUN_FINISH extends EventName<O> ? FinishName<O> : SchemaHasNoRunFinish<O>);

/** The schema has an event `workflow.stepFinish`. */
export interface StepName<O> {
  /** The event of a finished step, `{ stepName, result }`. @default "workflow.stepFinish" */
  readonly step?: EventName<O> | undefined;
}

/** The schema has no event `workflow.stepFinish`: declare it, or name another one. Compilers print the name of this type. */
export interface SchemaHasNoStepFinish<O> {
  /** The event of a finished step, `{ stepName, result }`. */
  readonly step: EventName<O>;
}

/** The schema has an event `workflow.runFinish`. */
export interface FinishName<O> {
  /** The event of a finished run, `{}`. @default "workflow.runFinish" */
  readonly finish?: EventName<O> | undefined;
}

/** The schema has no event `workflow.runFinish`: declare it, or name another one. Compilers print the name of this type. */
export interface SchemaHasNoRunFinish<O> {
  /** The event of a finished run, `{}`. */
  readonly finish: EventName<O>;
}
