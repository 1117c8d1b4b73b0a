import { createRealtimeMiddleware } from "tidings/workflow";
import { realtime } from "./realtime";

export const realtimeMiddleware = createRealtimeMiddleware({ realtime, stepStart: "workflow.stepStart" });
