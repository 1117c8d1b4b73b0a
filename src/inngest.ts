/**
 * tidings for Inngest: a middleware that tells of a run's steps.
 *
 * @module
 */
export { createRealtimeMiddleware, type InngestRun, type RealtimeMiddlewareOptions } from "./inngest/middleware.ts";
export type {
  FinishName,
  FinishNames,
  RunChannels,
  SchemaHasNoRunFinish,
  SchemaHasNoStepFinish,
  StepName,
} from "./runs/events.ts";
