import type { ConnectionKind, RedisConnection } from "./driver.ts";

/** What a server said of itself when it was first spoken to. */
export interface Greeting {
  /** The error that it answers a PING with, if so. */
  readonly error: unknown;
  /** Names the life of the server process; `undefined` when it would not say. */
  readonly runId: string | undefined;
  /** Names this connection, for the server; `undefined` when it would not say. */
  readonly clientId: string | undefined;
  /** `"7.0.15"`; `undefined` when it would not say. A Valkey names the version of Redis that it stands for. */
  readonly version: string | undefined;
}

/**
 * Speaks to a server for the first time. `undefined` when it cannot be spoken to. What it may not be asked, it need not answer: an
 * ACL can forbid each of these questions.
 */
export async function greet(connection: RedisConnection, kind: ConnectionKind): Promise<Greeting | undefined> {
  const questions = [["PING"], ["INFO", "server"]] as const;
  // A connection that listens is never looked for again.
  const asked = [...questions, ...(kind === "commands" ? [["CLIENT", "ID"] as const] : [])].flatMap(
    ([name, ...args]) => connection.command(name, args) ?? [],
  );
  // The name is for operators (CLIENT LIST). Given by us: there is a library that fails to connect when its user may not name it.
  connection.command("CLIENT", ["SETNAME", `tidings-${kind}`])?.catch(() => {});
  const [ping, info, id] = await Promise.allSettled(asked);
  if (!ping) return undefined;
  const facts = info?.status === "fulfilled" ? String(info.value) : "";
  return {
    error: ping?.status === "rejected" ? (ping.reason ?? new Error("no reason given")) : undefined,
    runId: /^run_id:(\S+)/m.exec(facts)?.[1],
    version: /^redis_version:(\S+)/m.exec(facts)?.[1],
    clientId: id?.status === "fulfilled" ? String(id.value) : undefined,
  };
}
