import type { Agent } from "../server/agents.ts";

export async function loadAgents(): Promise<Agent[]> {
  return (await fetch("/api/agents")).json();
}
