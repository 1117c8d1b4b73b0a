import { connectRaw, rawCommand } from "./raw-redis.ts";
import { until } from "./until.ts";

/** Counts what a Redis is asked to do, with its own `MONITOR` and `CLIENT LIST`. */
export interface RedisWatch {
  /** The names of all connections, `""` for one that has none; without those of this object. */
  connections(): Promise<string[]>;
  /** The names of the commands that clients sent while `run` ran; what scripts do inside is left out. */
  commandsDuring(run: () => unknown): Promise<string[]>;
  /** Closes the connections of this name, as a network does. */
  kill(name: string): Promise<void>;
}

const WATCHER = "watcher";

/** Watches the Redis on a port of 127.0.0.1. Keeps no connection open. */
export function watchRedis(port: number): RedisWatch {
  async function list(): Promise<Array<{ id: string; name: string }>> {
    using direct = await connectRaw(port);
    await direct.command("CLIENT", "SETNAME", WATCHER);
    const lines = String(await direct.command("CLIENT", "LIST"))
      .trim()
      .split("\n");
    return lines
      .map((line) => ({ id: / ?id=(\d+)/.exec(line)?.[1] ?? "", name: / name=(\S*)/.exec(line)?.[1] ?? "" }))
      .filter(({ name }) => name !== WATCHER);
  }

  return {
    connections: async () => (await list()).map(({ name }) => name).sort(),
    async kill(name) {
      for (const one of await list()) if (one.name === name) await rawCommand(port, "CLIENT", "KILL", "ID", one.id);
    },
    async commandsDuring(run) {
      using monitor = await connectRaw(port);
      await monitor.command("MONITOR");
      await run();
      const end = `the end of ${Math.random()}`;
      await rawCommand(port, "ECHO", end);
      await until(
        "the last command in MONITOR",
        async () => monitor.pushed.some((line) => String(line).includes(end)) || undefined,
      );
      const commands = monitor.pushed.flatMap((line) => parseMonitored(String(line)) ?? []);
      return commands.slice(0, -1);
    },
  };
}

/** The name of a command that a client sent. */
function parseMonitored(line: string): string | undefined {
  const [, source, name] = /^[\d.]+ \[\d+ (\S+)\] "([^"]+)"/.exec(line) ?? [];
  return source === "lua" ? undefined : name?.toUpperCase();
}
