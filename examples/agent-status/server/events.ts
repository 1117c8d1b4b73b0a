import { createEvents } from "tidings/events";
import { userOf } from "./sessions.ts";

export type Status = "idle" | "running" | "error";

export const events = createEvents<{
  agent_status: { status: Status; step?: string };
}>({
  // In this process's memory, until there is a Redis: npm i ioredis, and set REDIS_URL.
  redis: process.env.REDIS_URL,
  identify: (request) => userOf(request),
  // Every visitor may watch every agent.
  authorize: (_user, channel) => channel.startsWith("agent:"),
});
