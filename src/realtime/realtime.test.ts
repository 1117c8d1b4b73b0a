import { afterEach, describe, expect, it, vi, type Mock } from "vitest";
import { createMemoryBroker } from "../brokers/memory.ts";
import { Realtime } from "./realtime.ts";
import { countHubs } from "./registry.ts";
import type { RealtimePlugin, RealtimePluginContext } from "./plugins.ts";

type Say = (message: string, ...details: unknown[]) => void;
const open: Array<{ close(): Promise<void> }> = [];

function logger(): { log: Mock<Say>; warn: Mock<Say>; error: Mock<Say> } {
  return { log: vi.fn<Say>(), warn: vi.fn<Say>(), error: vi.fn<Say>() };
}

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const realtime of open.splice(0)) await realtime.close();
  expect(countHubs(), "no test leaves a hub").toBe(0);
});

describe("Realtime", () => {
  it("F-19: every option is optional", async () => {
    const realtime = new Realtime();
    open.push(realtime);
    await realtime.emit("any.event", { untyped: true });
    expect(await realtime.history()).toHaveLength(1);
  });

  it("two instances of one broker and prefix are on one hub: what one emits, the other hears", async () => {
    const [a, b] = [new Realtime(), new Realtime({ redis: { driver: "memory" } })];
    open.push(a, b);
    const seen: unknown[] = [];
    await b.subscribe({ onData: ({ data }) => seen.push(data) });
    await a.emit("e.v", "from a");
    await vi.waitFor(() => expect(seen).toEqual(["from a"]));
    expect(countHubs()).toBe(1);
  });

  it("another keyPrefix is another place", async () => {
    const [a, b] = [new Realtime({ keyPrefix: "one" }), new Realtime({ keyPrefix: "two" })];
    open.push(a, b);
    await a.emit("e.v", 1);
    expect(await b.history()).toEqual([]);
    expect(countHubs()).toBe(2);
  });

  it("a module that is evaluated twice joins the first: hubs live in one registry of the process", async () => {
    const first = new Realtime();
    vi.resetModules();
    const copy = (await import("./realtime.ts")) as { Realtime: typeof Realtime };
    expect(copy.Realtime).not.toBe(Realtime);
    const second = new copy.Realtime();
    open.push(first, second);
    const seen: unknown[] = [];
    await first.subscribe({ onData: ({ data }) => seen.push(data) });
    await second.emit("e.v", "from the copy");
    await vi.waitFor(() => expect(seen).toEqual(["from the copy"]));
    expect(countHubs()).toBe(1);
  });

  it("instances on different brokers do not meet, whichever copy of the module made them", async () => {
    const first = new Realtime({ broker: createMemoryBroker() });
    vi.resetModules();
    const copy = (await import("./realtime.ts")) as { Realtime: typeof Realtime };
    const second = new copy.Realtime({ broker: createMemoryBroker() });
    open.push(first, second);
    await first.emit("e.v", 1);
    expect(await second.history()).toEqual([]);
    expect(countHubs()).toBe(2);
  });

  it("I9 Close: the last instance closes the hub, an earlier one only its own subscriptions", async () => {
    const broker = createMemoryBroker();
    const close = vi.spyOn(broker, "close");
    const [a, b] = [new Realtime({ broker }), new Realtime({ broker })];
    const seen: string[] = [];
    await a.subscribe({ onData: () => seen.push("a") });
    await b.subscribe({ onData: () => seen.push("b") });
    await a.close();
    await a.close();
    await b.emit("e.v", 1);
    await vi.waitFor(() => expect(seen).toEqual(["b"]));
    expect(close).not.toHaveBeenCalled();
    await b.close();
    expect(close).toHaveBeenCalledOnce();
  });

  it("I9 Close: called from inside a handler it does not wait for that handler", async () => {
    const realtime = new Realtime({ broker: createMemoryBroker() });
    const seen: unknown[] = [];
    let closed = false;
    await realtime.subscribe({
      async onData({ data }) {
        seen.push(data);
        await realtime.close();
        closed = true;
      },
    });
    await Promise.all([realtime.emit("e.v", 1), realtime.emit("e.v", 2)]);
    await vi.waitFor(() => expect(closed).toBe(true));
    expect(seen, "nothing is called any more").toEqual([1]);
  });

  it("I9 Close: two calls at the same time end at the same time, when all is closed", async () => {
    const broker = createMemoryBroker();
    let release = (): void => {};
    broker.close = () => new Promise<void>((resolve) => (release = resolve));
    const realtime = new Realtime({ broker });
    await realtime.emit("e.v", 1);
    const ended: string[] = [];
    const both = [realtime.close().then(() => ended.push("first")), realtime.close().then(() => ended.push("second"))];
    await new Promise((resolve) => setImmediate(resolve));
    expect(ended).toEqual([]);
    release();
    await Promise.all(both);
    expect(ended).toHaveLength(2);
  });

  it("I9 Close: await using closes it", async () => {
    const broker = createMemoryBroker();
    const close = vi.spyOn(broker, "close");
    {
      await using realtime = new Realtime({ broker });
      await realtime.emit("e.v", 1);
    }
    expect(close).toHaveBeenCalledOnce();
  });

  it("memory without being asked for, in production, is one warning that names the cure; asked for by name it is none", async () => {
    vi.stubEnv("NODE_ENV", "production");
    const [quiet, loud] = [logger(), logger()];
    open.push(new Realtime({ redis: { driver: "memory" }, logger: quiet }));
    for (const redis of [undefined, "", undefined]) {
      // Once per process, however many copies of this module a bundler makes.
      vi.resetModules();
      const copy = (await import("./realtime.ts")) as { Realtime: typeof Realtime };
      const realtime = new copy.Realtime({ redis, logger: loud });
      open.push(realtime);
      expect(realtime.health().broker.name).toBe("memory");
    }
    expect(quiet.warn).not.toHaveBeenCalled();
    expect(loud.warn).toHaveBeenCalledOnce();
    expect(String(loud.warn.mock.calls[0]?.[0])).toMatch(/^tidings: .*memory.*redis: process.env.REDIS_URL.*driver: "memory"/);
  });
});

interface Greeter {
  greet(): string;
}

function myPlugin(): RealtimePlugin<Greeter> {
  return {
    name: "my-plugin",
    init: ({ logger }) => ({
      api: {
        greet() {
          logger.log("hello!");
          return "hello!";
        },
      },
    }),
  };
}

describe("plugins", () => {
  it("F-42, F-44: init runs in the constructor, its API is on the instance and in its type", () => {
    const realtime = new Realtime({ broker: createMemoryBroker(), plugins: [myPlugin()] });
    expect(realtime.greet()).toBe("hello!");
  });

  it("F-43: a plugin emits on any channel, with the checks of emit", async () => {
    let context: RealtimePluginContext | undefined;
    const plugin: RealtimePlugin<object> = { name: "p", init: (given) => ((context = given), { api: {} }) };
    const realtime = new Realtime({ broker: createMemoryBroker(), plugins: [plugin] });
    open.push(realtime);
    await context?.emit("users", "users.insert", { id: 1 });
    expect(await realtime.channel("users").history()).toMatchObject([{ event: "users.insert", data: { id: 1 } }]);
    await expect(context?.emit("no channel", "e.v", 1)).rejects.toMatchObject({ code: "bad_channel" });
    await expect(context?.emit("users", "no event", 1)).rejects.toMatchObject({ code: "bad_event" });
  });

  it("F-43: a plugin's logger is silent unless verbose", () => {
    const [silent, verbose] = [logger(), logger()];
    new Realtime({ broker: createMemoryBroker(), plugins: [myPlugin()], logger: silent }).greet();
    new Realtime({ broker: createMemoryBroker(), plugins: [myPlugin()], logger: verbose, verbose: true }).greet();
    expect(silent.log).not.toHaveBeenCalled();
    expect(verbose.log).toHaveBeenCalledWith("hello!");
  });

  it("a plugin cannot take the place of a method, nor of another plugin's", () => {
    const taking = (name: string): RealtimePlugin<object> => ({ name: "thief", init: () => ({ api: { [name]: () => {} } }) });
    for (const plugins of [[taking("emit")], [taking("mine"), taking("mine")], [taking("toString")]]) {
      const create = (): unknown => new Realtime({ broker: createMemoryBroker(), plugins });
      expect(create).toThrow('plugin "thief"');
      expect(create).toThrow(expect.objectContaining({ code: "bad_option" }));
    }
  });
});
