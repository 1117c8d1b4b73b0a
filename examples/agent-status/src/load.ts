import type { Agent } from "../server/agents.ts";

export async function loadAgents(): Promise<Agent[]> {
  return (await fetch("/api/agents")).json();
}

export async function loadAgent(agentId: string): Promise<Agent> {
  const agent = (await loadAgents()).find(({ id }) => id === agentId);
  if (!agent) throw new Error("The agent is gone.");
  return agent;
}
