import { Redis } from "ioredis";

export const redis = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379");

export async function orderChanged(id: string, state: string): Promise<void> {
  await redis.publish(`order:${id}`, JSON.stringify({ id, state }));
}

export function GET(request: Request): Response {
  const channel = new URL(request.url).searchParams.get("channel") ?? "";
  const subscriber = redis.duplicate();
  const encoder = new TextEncoder();
  const stream = new ReadableStream({
    async start(controller) {
      subscriber.on("message", (_channel, message) => controller.enqueue(encoder.encode(`data: ${message}\n\n`)));
      await subscriber.subscribe(channel);
    },
    cancel: () => subscriber.disconnect(),
  });
  return new Response(stream, { headers: { "content-type": "text/event-stream" } });
}
