import type { NextRequest } from "next/server";
import { workflowClient } from "@/lib/workflow-client";

export async function POST(request: NextRequest) {
  const { workflowRunId } = await workflowClient.trigger({
    // Where QStash finds this app. On a machine that it cannot reach, set it to the address of a tunnel.
    url: `${process.env.PUBLIC_URL ?? request.nextUrl.origin}/api/workflow`,
    body: { city: "Lisbon" },
  });
  return Response.json({ workflowRunId });
}
