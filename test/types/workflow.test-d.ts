import { expectTypeOf, it } from "vitest";
import type { WorkflowMiddleware } from "@upstash/workflow";
import { z } from "zod";
import { Realtime } from "../../src/index.ts";
import { createRealtimeMiddleware } from "../../src/workflow.ts";

const finish = { stepFinish: z.object({ stepName: z.string(), result: z.unknown().optional() }), runFinish: z.object({}) };
const documented = new Realtime({ schema: { workflow: finish } });
const ownNames = new Realtime({ schema: { job: { done: finish.stepFinish, over: finish.runFinish } } });

it("U-5: a schema with the documented events needs no names, any other one has to name its own", () => {
  expectTypeOf(createRealtimeMiddleware({ realtime: documented })).toEqualTypeOf<WorkflowMiddleware>();
  createRealtimeMiddleware({ realtime: new Realtime() });
  createRealtimeMiddleware({ realtime: ownNames, step: "job.done", finish: "job.over" });
  // @ts-expect-error `step` and `finish` are missing, in `SchemaHasNoStepFinish` and `SchemaHasNoRunFinish`
  createRealtimeMiddleware({ realtime: ownNames });
  // @ts-expect-error `finish` is missing
  createRealtimeMiddleware({ realtime: ownNames, step: "job.done" });
  // @ts-expect-error the schema has no such event
  createRealtimeMiddleware({ realtime: ownNames, step: "job.finished", finish: "job.over" });
  // @ts-expect-error nor such a one
  createRealtimeMiddleware({ realtime: documented, stepFail: "workflow.stepFail" });
});
