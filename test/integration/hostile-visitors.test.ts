import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createMemoryBroker } from "../../src/brokers/memory.ts";
import { handle as handleFetch, Realtime } from "../../src/index.ts";
import { handle as handleNode } from "../../src/node.ts";
import { serve, type TestServer } from "../support/http-server.ts";
import { sessionsOf } from "../support/streams-of.ts";

const logger = { log() {}, warn: vi.fn<(...said: unknown[]) => void>(), error: vi.fn<(...said: unknown[]) => void>() };
const cleanup: Array<() => unknown> = [];

let realtime: Realtime;

beforeEach(() => {
  vi.clearAllMocks();
  realtime = new Realtime({ broker: createMemoryBroker(), logger }) as never as Realtime;
  cleanup.push(() => realtime.close());
});

afterEach(async () => {
  for (const clean of cleanup.splice(0).toReversed()) await clean();
});

async function start(...given: Parameters<typeof serve>): Promise<TestServer> {
  const server = await serve(...given);
  cleanup.push(() => server[Symbol.asyncDispose]());
  return server;
}

/** A connection that sends what it is told to. */
function dial({ url }: TestServer, text: string) {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  cleanup.push(() => socket.destroy());
  socket.on("error", () => {}).write(text);
  return socket;
}

/** Lets every promise that can settle do so, and what was announced arrive. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("what the head of a request says", () => {
  it("a host that no URL can have makes no error of the server, and no line in its log", async () => {
    const hosts: string[] = [];
    const identify = (request: Request): string => {
      hosts.push(new URL(request.url).host);
      return "ann";
    };
    const server = await start(handleNode({ realtime, identify }));
    for (const host of ["x:99999", "999.1.1.1", "1.2.3.4.5", "xn--a", "[::1]:99999", "[:::]", "b.example:81"]) {
      const socket = dial(server, `GET /?channel=a HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
      const [head] = (await once(socket, "data")) as [Buffer];
      expect(String(head), host).toMatch(/^HTTP\/1\.1 200 /);
      socket.destroy();
    }
    expect(hosts).toEqual([...Array<string>(6).fill("localhost"), "b.example:81"]);
    expect(logger.error).not.toHaveBeenCalled();
  });
});

describe("a right that is lost", () => {
  // The decision is made, and the stream is there some steps later: in which of them `disconnect` comes is a matter of chance.
  it.each(["stream", "page"])("B-29: `disconnect` in any step between a decision and its %s is obeyed", async (kind) => {
    const headers = kind === "page" ? { accept: "application/json" } : undefined;
    for (let steps = 0; steps < 20; steps++) {
      let isAllowed = true;
      let decide: () => void = () => {};
      const decided = new Promise<void>((resolve) => (decide = resolve));
      const authorize = async (): Promise<boolean> => {
        const answer = isAllowed;
        await decided;
        return answer;
      };
      const channel = `room:${kind}:${steps}`;
      const handler = handleFetch({ realtime, identify: () => "ann", authorize });
      const answer = handler(new Request(`http://x/?v=1&channel=${channel}&wait=30`, headers && { headers }));
      await turn();
      const told = decided.then(async () => {
        for (let step = 0; step < steps; step++) await Promise.resolve();
        isAllowed = false;
        await realtime.disconnect({ user: "ann", timeoutSecs: 0 });
      });
      decide();
      await told;
      await realtime.channel(channel).emit("e.v", "SECRET");
      for (let each = 0; each < 5; each++) await turn();
      expect(sessionsOf(realtime), `after ${steps} steps`).toEqual({ streams: 0, pages: 0 });
      expect(await (await answer).text(), `after ${steps} steps`).not.toContain("SECRET");
    }
  });
});
