import { useCallback, useEffect, useState } from "react";
import type { Agent } from "../server/agents.ts";
import { useRealtimeChannel } from "./events.ts";
import { loadAgents } from "./load-agents.ts";

const dots = { idle: "gray", running: "green pulse", error: "red" };

export function AgentStatusIndicator({ agent }: { agent: Agent }) {
  const [{ status, step }, setState] = useState({ status: agent.status, step: agent.step });
  const refresh = useCallback(async () => {
    const newest = (await loadAgents()).find(({ id }) => id === agent.id);
    if (newest) setState(newest);
  }, [agent.id]);
  const { isConnected } = useRealtimeChannel(
    `agent:${agent.id}`,
    (event) => setState({ status: event.status, step: event.step ?? "" }),
    { onGap: refresh }, // events may be missing
  );
  // What happened before the stream was there.
  useEffect(() => {
    if (isConnected) void refresh();
  }, [isConnected, refresh]);

  return (
    <div className="indicator" data-live={isConnected}>
      <span className={`dot ${dots[status]}`} />
      <span>{status}</span>
      <span className="soft">{isConnected ? step : "Connecting..."}</span>
    </div>
  );
}
