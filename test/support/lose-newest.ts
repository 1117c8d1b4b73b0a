import { infoField, rawCommand } from "./raw-redis.ts";
import type { RedisProcess } from "./redis-process.ts";

/**
 * Kills `master` so that no replica has what `write` stored. Resolves when it is gone and the replicas run again.
 *
 * Freezing the replicas does not suffice: what the master sends meanwhile waits in their sockets, and is read after all. So
 * the master also drops them, and being frozen they cannot come back.
 * @throws Error when a replica was there again before the master died
 */
export async function killUnheard(
  master: Pick<RedisProcess, "port" | "kill">,
  replicas: ReadonlyArray<Pick<RedisProcess, "freeze" | "thaw">>,
  write: () => Promise<unknown>,
): Promise<void> {
  for (const replica of replicas) replica.freeze();
  try {
    await rawCommand(master.port, "CLIENT", "KILL", "TYPE", "replica");
    await write();
    const connected = infoField(await rawCommand(master.port, "INFO", "replication"), "connected_slaves");
    if (connected !== "0") throw new Error(`${connected} replicas heard what was to be lost`);
    await master.kill();
  } finally {
    for (const replica of replicas) replica.thaw();
  }
}
