import { useEffect, useState } from "react";
import { RealtimeProvider } from "tidings/events/client";
import type { Agent } from "../server/agents.ts";
import { AgentStatusIndicator } from "./agent-status-indicator.tsx";
import { loadAgents } from "./load.ts";

export function App() {
  const [agents, setAgents] = useState<Agent[]>();
  useEffect(() => {
    void fetch("/api/session", { method: "POST" }).then(loadAgents).then(setAgents);
  }, []);

  return (
    <main>
      <h1>Agents</h1>
      {agents && (
        <RealtimeProvider>
          {agents.map((agent) => (
            <article className="card" key={agent.id} aria-label={agent.name}>
              <div>
                <h2>{agent.name}</h2>
                <p className="soft">{agent.task}</p>
              </div>
              <AgentStatusIndicator agent={agent} />
              <button onClick={() => void fetch(`/api/agents/${agent.id}/run`, { method: "POST" })}>Run</button>
            </article>
          ))}
        </RealtimeProvider>
      )}
    </main>
  );
}
