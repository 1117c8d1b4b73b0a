/**
 * tidings for Upstash Workflow: a middleware that tells of a run's steps.
 *
 * @module
 */
export { createRealtimeMiddleware, type RealtimeMiddlewareOptions } from "./workflow/middleware.ts";
export type {
  FinishName,
  FinishNames,
  RunChannels,
  SchemaHasNoRunFinish,
  SchemaHasNoStepFinish,
  StepName,
} from "./runs/events.ts";
