import { serve } from "@upstash/workflow/nextjs";
import { realtimeMiddleware } from "@/lib/middleware";
import { realtime } from "@/lib/realtime";

interface Payload {
  city: string;
}

export const { POST } = serve<Payload>(
  async (context) => {
    const { city } = context.requestPayload;
    const channel = realtime.channel(context.workflowRunId);

    const report = await context.run("fetch-report", async () => {
      await work();
      return { city, degrees: 21 };
    });
    const { text } = await context.run("write-summary", async () => {
      await work();
      return { text: `${report.degrees} °C in ${report.city}` };
    });
    await context.run("ask", async () => {
      await channel.emit("workflow.waitingForInput", { question: `Publish “${text}”?` });
    });
    // Waits without a process that waits, for a day at most.
    const { eventData, timeout } = await context.waitForEvent<{ approved: boolean }>(
      "approval",
      `approval-${context.workflowRunId}`,
      { timeout: "1d" },
    );
    const approved = !timeout && eventData.approved;
    await context.run("resolve", async () => {
      await channel.emit("workflow.inputResolved", { approved });
    });
    await context.run("publish", async () => {
      await work();
      return { published: approved };
    });
  },
  { middlewares: [realtimeMiddleware] },
);

/** So that there is something to see. */
function work() {
  return new Promise((resolve) => setTimeout(resolve, 600));
}
