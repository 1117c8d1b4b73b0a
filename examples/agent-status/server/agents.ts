import { setTimeout as sleep } from "node:timers/promises";
import { events, type Status } from "./events.ts";

export interface Agent {
  id: string;
  name: string;
  task: string;
  status: Status;
  step: string;
}

const idle = { status: "idle", step: "" } as const;

export const agents = new Map<string, Agent>(
  [
    { id: "researcher", name: "Researcher", task: "Reads ten sources and takes notes", ...idle },
    { id: "writer", name: "Writer", task: "Turns notes into a page", ...idle },
    { id: "publisher", name: "Publisher", task: "Puts the page online, where a password is missing", ...idle },
  ].map((agent) => [agent.id, agent]),
);

/** What an agent does. A real one calls a model here. */
export async function run(agent: Agent) {
  if (agent.status === "running") return;
  for (const step of ["Planning", "Working", "Checking"]) {
    await say(agent, "running", step);
    await sleep(1_200);
    if (agent.id === "publisher" && step === "Working") return say(agent, "error", "The server did not let it in");
  }
  await say(agent, "idle", "Done");
}

async function say(agent: Agent, status: Status, step: string) {
  Object.assign(agent, { status, step });
  await events.publishToChannel(`agent:${agent.id}`, { type: "agent_status", status, step });
}
