import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { tail } from "../../src/cli/tail.ts";
import { createEvents } from "../../src/events.ts";
import { handle, Realtime, type HandleOptions } from "../../src/index.ts";
import { defineAdmin, publishResource, resource } from "../../src/resources.ts";
import { fetchListener, serve } from "../support/http-server.ts";
import { rawCommand } from "../support/raw-redis.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

const PROGRAM = path.resolve(import.meta.dirname, "../../dist/cli/main.js");

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** A command on its way. */
interface Watching {
  readonly printed: string[];
  readonly complained: string[];
  readonly code: Promise<number>;
  end(): void;
}

function watch(...args: readonly string[]): Watching {
  const abort = new AbortController();
  const [printed, complained]: [string[], string[]] = [[], []];
  const code = tail.run(args, (text) => void printed.push(text), {
    folder: "/nowhere",
    complain: (text) => void complained.push(text),
    whenEnded: () => abort.signal,
  });
  onTestFinished(async () => {
    abort.abort();
    await code.catch(() => {});
  });
  return { printed, complained, code, end: () => abort.abort() };
}

function createRealtime(keyPrefix?: string): Realtime {
  const realtime = new Realtime({ redis: redis.url, ...(keyPrefix !== undefined && { keyPrefix }) });
  onTestFinished(() => realtime.close());
  return realtime;
}

async function serveEndpoint(realtime: Realtime, options: Partial<HandleOptions> = {}): Promise<string> {
  const server = await serve(fetchListener(handle({ realtime, ...options })));
  onTestFinished(() => server[Symbol.asyncDispose]());
  return `${server.url}/api/realtime`;
}

/** Events named by what they say, as lines. */
const said = (lines: readonly string[]): string[] => lines.map((line) => line.split("  ").slice(1).join("  "));

const EACH = ["Redis", "an endpoint"] as const;
let rooms = 0;

describe.each(EACH)("tidings tail on %s", (place) => {
  async function begin(): Promise<{ realtime: Realtime; room: string; where: string[] }> {
    const realtime = createRealtime();
    const where = place === "Redis" ? ["--redis", redis.url] : ["--url", await serveEndpoint(realtime)];
    return { realtime, room: `room:${++rooms}`, where };
  }

  it("prints a line for each event, what was held first, and ends with 0", async () => {
    const { realtime, room, where } = await begin();
    const ids = [];
    for (const n of [1, 2, 3]) ids.push(await realtime.channel(room).emit("chat.message", { n }));
    const [all, newest, later, json] = [
      watch(room, `${room}:quiet`, "--history", "all", ...where),
      watch(room, "--history", "1", ...where),
      watch(room, "--after", ids[1] ?? "", ...where),
      watch(room, "--history", "1", "--events", "chat.other", "--json", ...where),
    ];
    await vi.waitFor(() => expect(all.printed).toHaveLength(3));
    await vi.waitFor(() => expect([newest.printed, later.printed].map((lines) => lines.length)).toEqual([1, 1]));
    const stored = Number(String(ids[0]).split("-")[0]);
    expect(all.printed[0]).toBe(`${new Date(stored).toISOString()}  ${room}  chat.message  {"n":1}`);

    // Those who asked for nothing that there is have no line to tell that they listen.
    await vi.waitFor(async () => {
      await realtime.channel(room).emit("chat.other", "x");
      expect(json.printed.length).toBeGreaterThan(0);
    });
    const last = await realtime.channel(room).emit("chat.message", { n: 4 });
    for (const { printed } of [all, newest, later])
      await vi.waitFor(() => expect(printed.at(-1)).toContain('chat.message  {"n":4}'));
    expect(JSON.parse(json.printed[0] ?? "")).toMatchObject({ channel: room, event: "chat.other", data: "x" });
    expect(json.printed.join()).not.toContain("chat.message");
    expect(said(all.printed).filter((line) => line.includes("message"))).toEqual(
      [1, 2, 3, 4].map((n) => `${room}  chat.message  {"n":${n}}`),
    );
    expect(String(last)).toMatch(/-/);
    for (const each of [all, newest, later, json]) {
      each.end();
      expect([await each.code, each.complained]).toEqual([0, []]);
    }
  });

  it("shows the controls in data, and hands none of them to the terminal", async () => {
    const { realtime, room, where } = await begin();
    const evil = "\u001b]0;owned\u0007\u001b[2J\u009b31m\u202eabc\r\n";
    await realtime.channel(room).emit("chat.message", { [evil]: evil });
    const [plain, json] = [[], ["--json"]].map((options) => watch(room, "--history", "all", ...options, ...where).printed);
    for (const printed of [plain, json]) {
      await vi.waitFor(() => expect(printed).toHaveLength(1));
      expect(printed?.[0]).toContain("owned");
      // oxlint-disable-next-line no-control-regex -- they are what must not be there
      expect(printed?.[0]).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    }
    expect(JSON.parse(json?.[0] ?? "")).toMatchObject({ data: { [evil]: evil } });
  });

  it("tells of what may be missing", async () => {
    const { realtime, room, where } = await begin();
    const { complained } = watch(room, "--after", "1600000000000-0", ...where);
    await realtime.channel(room).emit("chat.message", "x");
    await vi.waitFor(() => expect(complained.join()).toMatch(/room:\d+: events between 1600000000000-0 and .+ may be missing/));
  });
});

describe("tidings tail --redis", () => {
  it("watches below the prefix that it is given", async () => {
    const [ours, theirs] = [createRealtime("ours"), createRealtime("theirs")];
    await theirs.channel("a").emit("x.theirs", 1);
    await ours.channel("a").emit("x.ours", 1);
    const { printed } = watch("a", "--redis", redis.url, "--key-prefix", "ours", "--history", "all");
    await vi.waitFor(() => expect(said(printed)).toEqual(["a  x.ours  1"]));
  });

  it("says which channel cannot be read, goes on with the others, and fails when none is left", async () => {
    await rawCommand(redis.port, "SET", "tidings:taken", "by somebody else");
    const realtime = createRealtime();
    await realtime.channel("free").emit("x.y", 1);
    const some = watch("taken", "free", "--redis", redis.url, "--history", "all");
    await vi.waitFor(() => expect([some.printed.length, some.complained.length]).toEqual([1, 1]));
    expect(some.complained[0]).toContain('channel "taken" cannot be read');
    const none = watch("taken", "--redis", redis.url);
    expect([await none.code, none.printed]).toEqual([1, []]);
    expect(none.complained[0]).toContain('channel "taken" cannot be read');
  });

  it("waits for a Redis that is not there, says so without its password, and goes on when it is back", async () => {
    await using own = await startRedis({
      persistent: true,
      args: ["--user", "app", "on", ">s3cret-word", "~*", "&*", "+@all"],
    });
    const url = `redis://app:s3cret-word@127.0.0.1:${own.port}`;
    const emitter = new Realtime({ redis: url });
    onTestFinished(() => emitter.close());
    const first = await emitter.channel("room").emit("x.y", "before");
    const { printed, complained } = watch("room", "--redis", url, "--after", first);
    await vi.waitFor(async () => {
      await emitter.channel("room").emit("x.y", "live");
      expect(printed.length).toBeGreaterThan(0);
    });
    await own.kill();
    await vi.waitFor(() => expect(complained.join()).toContain(`127.0.0.1:${own.port}/0 cannot be reached`));
    await own.start();
    await vi.waitFor(async () => {
      await emitter.channel("room").emit("x.y", "after");
      expect(printed.at(-1)).toContain('"after"');
    });
    expect(complained.join("\n")).toContain("is back");
    expect(complained.join("\n")).not.toContain("s3cret");
  });
});

it("shows what tidings/events and tidings/resources tell, by the lines of the guide", async () => {
  const guide = readFileSync(path.resolve(import.meta.dirname, "../../docs/guides/cli.md"), "utf8");
  const commands = [...guide.matchAll(/^npx tidings tail (.+)$/gm)].map(([, line = ""]) => line);
  const lines = commands.filter((line) => /channel:|resource\./.test(line));
  const events = createEvents({ redis: redis.url, identify: () => "guest-7", authorize: () => true });
  const admin = defineAdmin({ resources: { orders: resource("orders") }, realtime: { driver: "redis", url: redis.url } });
  onTestFinished(async () => {
    await events.realtime.close();
    await admin.close();
  });
  const server = await serve(fetchListener(events.GET));
  onTestFinished(() => server[Symbol.asyncDispose]());
  const event = { type: "booking_update", bookingId: "b-101" };
  await events.publishToChannel("booking:b-101", event, { id: "b-101:confirmed" });
  await events.publishToUser("guest-7", event, { id: "b-101:confirmed" });
  await events.publishToUser("auth0|123", event, { id: "b-101:confirmed" });
  await publishResource("orders", { action: "update", id: "o-1" });

  const show = async (line: string): Promise<string[]> => {
    const args = line
      .replace("https://app.example.com", server.url)
      .replace("…", "abc")
      .match(/"[^"]*"|\S+/g)
      ?.map((each) => (each === '"$REDIS_URL"' ? redis.url : each.replaceAll('"', "")));
    const { printed, complained } = watch(...(args ?? []), "--history", "all");
    const channels = line.split(" --")[0]?.split(" ").length;
    await vi.waitFor(() => expect([printed.length, complained]).toEqual([channels, []]));
    return said(printed).toSorted();
  };
  const data = JSON.stringify({ id: "b-101:confirmed", event });
  expect(await Promise.all(lines.map(show))).toEqual([
    [`channel:booking:b-101  booking_update  ${data}`, `user:guest-7  booking_update  ${data}`],
    [`channel:booking:b-101  booking_update  ${data}`, `user  booking_update  ${data}`],
    [`resource.orders  live.message  {"action":"update","id":"o-1"}`],
  ]);
  const [, escaped = ""] = /`auth0\|123` as `(.+?)`/.exec(guide) ?? [];
  expect(await show(lines[0]?.replace(/.+?(?= --)/, escaped) ?? "")).toEqual([`${escaped}  booking_update  ${data}`]);
});

describe("tidings tail --url", () => {
  it("sends headers; a refusal is told by its code and ends it with 1, and no secret is repeated", async () => {
    const realtime = createRealtime();
    await realtime.channel("mine").emit("x.y", 1);
    const url = await serveEndpoint(realtime, {
      middleware: ({ request }) =>
        request.headers.get("authorization") === "Bearer open-sesame"
          ? undefined
          : new Response(`who is ${request.headers.get("authorization")} at ${request.url}?\u001b[2J`, { status: 401 }),
    });
    const good = watch("mine", "--url", url, "--header", "Authorization: Bearer open-sesame", "--history", "all");
    await vi.waitFor(() => expect(good.printed).toHaveLength(1));
    const bad = watch("mine", "--url", `${url}?token=s3cret-token`, "--header", "Authorization: Bearer s3cret-word");
    expect(await bad.code).toBe(1);
    expect(bad.printed).toEqual([]);
    expect(bad.complained.join("\n")).toContain(String.raw`mine: the endpoint answered 401: who is *** at`);
    // oxlint-disable-next-line no-control-regex -- they are what must not be there
    expect(bad.complained.join("\n")).not.toMatch(/s3cret|\u001b/);
  });

  it.each([403, 503])("reads the beginning of a refusal (%i) and leaves, though it never ends", async (status) => {
    let sent = 0;
    let left = 0;
    const endpoint = await serve((_req, res) => {
      const chunk = Buffer.alloc(65_536, "a");
      const go = (): void => {
        while (!res.destroyed && res.write(chunk)) sent += chunk.length;
      };
      res.on("close", () => left++).on("drain", go);
      res.writeHead(status, { "content-type": "text/plain" });
      go();
    });
    onTestFinished(() => endpoint[Symbol.asyncDispose]());
    const tailing = watch("room", "--url", endpoint.url);
    await vi.waitFor(() => expect(left).toBe(1));
    expect(sent).toBeLessThan(16_000_000);
    await vi.waitFor(() => expect(tailing.complained[0]).toContain(`the endpoint answered ${status}: aaaa`));
    tailing.end();
    expect(await tailing.code).toBe(status === 403 ? 1 : 0);
  });

  it("says that what answers is a page, and that nothing answers", async () => {
    const page = await serve((_req, res) => void res.setHeader("content-type", "text/html").end("<h1>Hello"));
    const wrong = watch("room", "--url", page.url);
    await vi.waitFor(() => expect(wrong.complained).toEqual([expect.stringContaining("text/html")]));
    await page[Symbol.asyncDispose]();
    await vi.waitFor(() => expect(wrong.complained.at(-1)).toContain("did not answer"), { timeout: 20_000 });
    wrong.end();
    expect(await wrong.code).toBe(0);
  });
});

describe("the program", () => {
  function start(...args: readonly string[]): { child: ChildProcess; printed: () => string; complained: () => string } {
    const child = spawn(process.execPath, [PROGRAM, "tail", ...args], { stdio: ["ignore", "pipe", "pipe"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    const said = { printed: "", complained: "" };
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (said.printed += text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (said.complained += text));
    return { child, printed: () => said.printed, complained: () => said.complained };
  }

  it.each(["SIGINT", "SIGTERM"] as const)("ends cleanly on %s, with 0 and not a word", async (signal) => {
    const realtime = createRealtime();
    await realtime.channel("program").emit("x.y", 1);
    const { child, printed, complained } = start("program", "--redis", redis.url, "--history", "1");
    await vi.waitFor(() => expect(printed()).toContain("x.y"));
    const closed = once(child, "close");
    child.kill(signal);
    expect([await closed, complained()]).toEqual([[0, null], ""]);
  });

  it("ends when nobody reads any more what it prints", async () => {
    const realtime = createRealtime();
    await realtime.channel("program:head").emit("x.y", 1);
    const { child, printed, complained } = start("program:head", "--url", await serveEndpoint(realtime), "--history", "1");
    await vi.waitFor(() => expect(printed()).toContain("x.y"));
    const closed = once(child, "close");
    child.stdout?.destroy();
    let isOver = false;
    void closed.then(() => (isOver = true));
    await vi.waitFor(async () => {
      await realtime.channel("program:head").emit("x.y", 2);
      expect(isOver).toBe(true);
    });
    expect([await closed, complained()]).toEqual([[0, null], ""]);
  });
});
