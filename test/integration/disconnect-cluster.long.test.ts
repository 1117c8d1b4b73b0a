import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { startAppServer, type AppServer } from "../support/app-server.ts";
import { openRaw, type RawStream } from "../support/raw-stream.ts";
import { startCluster, type RedisCluster } from "../support/redis-cluster.ts";

const CONTROL = "tidings:!control";

let cluster: RedisCluster;
let servers: AppServer[] = [];
const streams: RawStream[] = [];

beforeAll(async () => {
  cluster = await startCluster({ replicasPerMaster: 1 });
  const options = { redisUrl: cluster.urls.join(), guarded: true };
  servers = await Promise.all([startAppServer(options), startAppServer(options), startAppServer(options)]);
});

afterAll(async () => {
  for (const stream of streams) stream.destroy();
  await Promise.all(servers.map((server) => server.kill()));
  await cluster.stop();
});

async function open({ url }: AppServer, user: string, channel: string): Promise<RawStream> {
  const stream = await openRaw(`${url}/api/realtime?v=1&channel=${channel}`, { headers: { "x-user": user } });
  streams.push(stream);
  await stream.until("event: connected");
  return stream;
}

/** One stream of each user at each server, on channels of different nodes. */
const openAll = (user: string): Promise<RawStream[]> =>
  Promise.all(servers.map((server, at) => open(server, user, `room:${at}`)));

/** An event that arrives. */
async function expectOpen(open_: readonly RawStream[], text: string): Promise<void> {
  await Promise.all(
    open_.map(async (stream, at) => {
      await (servers[at] as AppServer).emit([`room:${at}`, "chat.message", text]);
      await stream.until(text);
    }),
  );
}

it("disconnect on a Redis Cluster: a user loses all streams on three servers, and nobody else does", async () => {
  const [ann, bob] = [await openAll("ann"), await openAll("bob")];
  for (const server of servers) for (const at of [0, 1, 2]) await server.revoke("ann", `room:${at}`);
  expect(await servers[0]?.disconnect({ user: "ann", timeoutSecs: 5 })).toBe(3);
  await Promise.all(ann.map((stream) => stream.ended));
  for (const [at, { url }] of servers.entries()) {
    const refused = await openRaw(`${url}/api/realtime?channel=room:${at}`, { headers: { "x-user": "ann" } });
    expect(refused.status).toBe(403);
  }
  await expectOpen(bob, "still here");
});

it("disconnect on a Redis Cluster: after the node of the log of orders was lost, an order is heard everywhere, and nobody else is cut off", async () => {
  const [cleo, bob] = [await openAll("cleo"), await openAll("bob")];
  await cluster.kill(await cluster.masterOf(CONTROL));
  await cluster.waitForPromotion(CONTROL);
  // The first call may still meet the node that is gone.
  await vi.waitFor(() => servers[1]?.disconnect({ user: "cleo", timeoutSecs: 0 }), { timeout: 60_000 });
  await Promise.all(cleo.map((stream) => stream.ended));
  await expectOpen(bob, "still here too");
});

it("disconnect on a Redis Cluster: while the slot of the log of orders moves, no order is lost", async () => {
  const slot = cluster.slotOf(CONTROL);
  const from = await cluster.masterOf(slot);
  const masters = await Promise.all([0, 8_000, 16_000].map((each) => cluster.masterOf(each)));
  const to = masters.find(({ id }) => id !== from.id) as (typeof masters)[0];
  const users = ["dan", "eve", "fay", "gus"];
  const all = await Promise.all(users.map(openAll));
  // While a slot moves, a call may meet a node that has it no more: it is made again, as it says.
  const order = async (index: number): Promise<void> =>
    void (await vi.waitFor(() => servers[index % 3]?.disconnect({ user: users[index], timeoutSecs: 0 }), { timeout: 60_000 }));
  await order(0);
  await cluster.moveSlot(slot, to, { betweenKeyAndFinalising: () => order(1) });
  await order(2);
  await order(3);
  for (const [index, opened] of all.entries()) {
    await Promise.all(opened.map((stream) => stream.ended));
    expect(opened, users[index]).toHaveLength(3);
  }
});
