import { useEffect, useState } from "react";
import type { Agent } from "../server/agents.ts";
import { useRealtimeChannel } from "./events.ts";
import { loadAgent } from "./load.ts";

const dots = { idle: "gray", running: "green pulse", error: "red" };

export function AgentStatusIndicator({ agent }: { agent: Agent }) {
  const [{ status, step }, setState] = useState({ status: agent.status, step: agent.step });
  const { isConnected } = useRealtimeChannel(
    `agent:${agent.id}`,
    (event) => setState({ status: event.status, step: event.step ?? "" }),
    { onGap: () => void loadAgent(agent.id).then(setState) }, // events may be missing
  );
  // What happened before the stream was there.
  useEffect(() => {
    if (isConnected) void loadAgent(agent.id).then(setState);
  }, [isConnected, agent.id]);

  return (
    <div className="indicator" data-live={isConnected}>
      <span className={`dot ${dots[status]}`} />
      <span>{status}</span>
      <span className="soft">{isConnected ? step : "Connecting..."}</span>
    </div>
  );
}
