import { z } from "zod";
import { workflowClient } from "@/lib/workflow-client";

const Answer = z.object({ runId: z.string(), approved: z.boolean() });

export async function POST(request: Request) {
  const { runId, approved } = Answer.parse(await request.json());
  await workflowClient.notify({ eventId: `approval-${runId}`, eventData: { approved }, workflowRunId: runId });
  return Response.json({});
}
