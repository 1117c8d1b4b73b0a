import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, it, vi } from "vitest";
import { Realtime } from "../../src/index.ts";
import { freePort, startRedis } from "../support/redis-server.ts";

const job = fileURLToPath(new URL("../support/nightly-job.mjs", import.meta.url));

interface Job {
  readonly ended: Promise<{ code: number | null; printed: string }>;
  readonly said: () => string;
}

function start(task: string, client: string, port: number): Job {
  const child = spawn(process.execPath, [job, task, client], {
    env: { ...process.env, REDIS_URL: `redis://127.0.0.1:${port}` },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (printed += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, printed }));
  return { ended, said: () => said };
}

describe("a process that does nothing else, with a Redis that cannot be reached", () => {
  it.each(["a URL", "ioredis", "node-redis", "@upstash/redis"])(
    "I8 Outage: learns that its emit was not stored, and does not end in silence before, through %s",
    async (client) => {
      const { ended } = start("emit", client, await freePort());
      expect(await ended).toEqual({ code: 0, printed: "ended with not_stored\n" });
    },
  );

  it("learns that nothing could be read", async () => {
    const { ended } = start("history", "a URL", await freePort());
    expect(await ended).toEqual({ code: 0, printed: "ended with broker_unavailable\n" });
  });

  it.each(["a URL", "node-redis"])("stays for its subscription until Redis is there, through %s", async (client) => {
    const port = await freePort();
    const { ended, said } = start("subscribe", client, port);
    await vi.waitFor(() => expect(said()).toMatch(/no connection to Redis/));
    await using server = await startRedis({ port });
    const realtime = new Realtime({ redis: server.url });
    const emitting = setInterval(() => void realtime.emit("job.done", 7).catch(() => {}), 100);
    expect(await ended).toEqual({ code: 0, printed: "ended with 7\n" });
    clearInterval(emitting);
    await realtime.close();
  });
});
