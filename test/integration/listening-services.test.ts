import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { Realtime } from "../../src/index.ts";
import { handle } from "../../src/node.ts";
import { startProgram } from "../support/browsers/programs.ts";
import { startBunApp } from "../support/bun.ts";
import { bundlePage } from "../support/bundle.ts";
import { startHttpProxy } from "../support/http-proxy.ts";
import { serve, type TestServer } from "../support/http-server.ts";
import { startWorker } from "../support/workers.ts";

/** `fixtures/listening/service.mjs`, which runs somewhere. */
interface Service extends AsyncDisposable {
  readonly url: string;
  /** What it has written to its console. */
  readonly printed: string;
}

/** A line of what a service says. */
interface Line {
  readonly status?: string;
  readonly data?: number;
  readonly replayed?: boolean;
  readonly gap?: unknown;
}

const fixtures = path.resolve(import.meta.dirname, "fixtures/listening");
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

const RUNTIMES: Readonly<Record<string, () => Promise<Service>>> = {
  async Node() {
    const program = startProgram(process.execPath, [path.join(fixtures, "node.mjs")]);
    return {
      url: await program.ready(async () => /http:\S+/.exec(program.printed)?.[0]),
      get printed() {
        return program.printed;
      },
      [Symbol.asyncDispose]: () => program.kill(),
    };
  },
  Bun: async () => await startBunApp(path.join(fixtures, "bun.mjs"), {}),
  Workers: async () => await startWorker(await bundlePage(path.join(fixtures, "worker.mjs"))),
};

describe.each(Object.entries(RUNTIMES))("a service on %s that listens to another", (runtime, start) => {
  let service: Service;
  let realtime: Realtime;
  let server: TestServer;
  let isAway = false;

  beforeAll(async () => {
    service = await start();
    realtime = new Realtime({ redis: { driver: "memory" }, keyPrefix: `listening-${runtime}` });
    const stream = handle({ realtime });
    server = await serve((request, response) => (isAway ? request.socket.destroy() : stream(request, response)));
  });
  afterAll(async () => {
    await service?.[Symbol.asyncDispose]();
    await realtime?.close();
    await server?.[Symbol.asyncDispose]();
  });

  const emit = async (...values: readonly number[]): Promise<void> => {
    for (const value of values) await realtime.channel("room").emit("order.placed", value);
  };

  /** Lets the service listen to what is at `url`. @returns what it says, which grows */
  async function listen(url: string): Promise<readonly Line[]> {
    const lines: Line[] = [];
    const leaving = new AbortController();
    onTestFinished(() => leaving.abort());
    const { body } = await fetch(`${service.url}/?url=${encodeURIComponent(`${url}/api/realtime`)}`, {
      signal: leaving.signal,
    });
    void (async () => {
      let text = "";
      for await (const chunk of (body as ReadableStream<Uint8Array<ArrayBuffer>>).pipeThrough(new TextDecoderStream())) {
        const whole = (text + chunk).split("\n");
        text = whole.pop() ?? "";
        for (const line of whole) lines.push(JSON.parse(line) as Line);
      }
    })().catch(() => {});
    await untilStatus(lines, "connected");
    return lines;
  }

  const statusesOf = (lines: readonly Line[]): string[] => lines.flatMap(({ status }) => status ?? []);
  const untilStatus = (lines: readonly Line[], status: string): Promise<unknown> =>
    vi.waitFor(() => expect(statusesOf(lines).at(-1)).toBe(status));
  const untilValues = async (lines: readonly Line[], values: readonly number[]): Promise<void> => {
    await vi.waitFor(() => expect(lines.flatMap(({ data }) => data ?? []).length).toBeGreaterThanOrEqual(values.length));
    expect(lines.flatMap(({ data }) => data ?? [])).toEqual(values);
    expect(lines.filter(({ gap }) => gap !== undefined)).toEqual([]);
  };

  it("F-25: hears each event once and in order, and after a cut exactly what it missed", async () => {
    const lines = await listen(server.url);
    await emit(...numbers(1, 3));
    await untilValues(lines, numbers(1, 3));
    isAway = true;
    server.cut();
    await untilStatus(lines, "disconnected");
    await emit(4, 5);
    isAway = false;
    await untilValues(lines, numbers(1, 5));
    await emit(6);
    await untilValues(lines, numbers(1, 6));
    expect(lines.flatMap(({ data, replayed }) => (replayed ? [data] : []))).toEqual([4, 5]);
    expect(service.printed).toContain("tidings: the stream broke, and will be opened again");
  });

  it("asks for pages where streams do not come through, and misses nothing", async () => {
    await using proxy = await startHttpProxy(server.url);
    // Until it has noticed, streams are cut; that is the faster way to notice.
    proxy.passing = { how: "not for long", ms: 100 };
    const lines = await listen(proxy.url);
    await emit(1, 2);
    await vi.waitFor(() => expect(proxy.requests.at(-1)).toContain("wait="));
    proxy.passing = { how: "when it has ended" };
    await emit(...numbers(3, 20));
    await untilValues(lines, numbers(1, 20));
    expect(proxy.requests.at(-1)).toContain("wait=");
    expect(service.printed).toContain("Asking for pages");
  });
});
