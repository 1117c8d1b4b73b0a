import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { Engine, Tab } from "./browsers/engine.ts";
import { bundlePage } from "./bundle.ts";
import { startEngineServer, type EngineServer } from "./engine-server.ts";

/** What `test/browser/fixtures/engine-page.ts` shows. */
interface Shown {
  readonly values: number[];
  readonly replayed: number[];
  readonly gaps: unknown[];
  readonly statuses: string[];
  readonly pageshows: boolean[];
}

/** A page, and the server that it is from. */
interface Visit {
  readonly server: EngineServer;
  readonly tab: Tab;
  /** Resolves with what the page shows when that is as many events. */
  shows(events: number): Promise<Shown>;
}

const HEARTBEAT_MS = 1_000;
/** Longer than the silence that a client takes for the end of a stream. */
const SLEEP_MS = 3.5 * HEARTBEAT_MS;

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** What one engine does and another does not. */
interface EngineHabits {
  /** Whether a page with an open stream goes into the back/forward cache when it is left. */
  readonly cachesPages: boolean;
}

/** What a page of `tidings/client/core` has to do in any engine. Called by a test file. @param engine the one that the file has started */
export function enginePageSuite(engine: () => Engine, { cachesPages }: EngineHabits): void {
  let script: string;

  beforeAll(async () => {
    script = await bundlePage("test/browser/fixtures/engine-page.ts");
  });

  /** Opens the page, connects, and shows the events 1 to 3. Both are closed when the test is over. */
  async function visit(): Promise<Visit> {
    const server = await startEngineServer({ script, heartbeatMs: HEARTBEAT_MS });
    onTestFinished(() => server[Symbol.asyncDispose]());
    const tab = await engine().newTab(`${server.url}/`);
    onTestFinished(() => tab.close());
    const shows = async (events: number): Promise<Shown> => {
      await tab.until(`shown.values.length >= ${events} && shown.statuses.at(-1) === "connected"`);
      return await tab.evaluate<Shown>("shown");
    };
    await shows(0);
    await server.emit(1, 2, 3);
    await shows(3);
    return { server, tab, shows };
  }

  it("F-25: after a cut the page shows exactly what it missed, and its status tells the truth all along", async () => {
    const { server, tab, shows } = await visit();
    server.proxy.refusing = true;
    server.proxy.cutAll();
    await tab.until(`shown.statuses.join().endsWith("connecting,disconnected,connecting,disconnected")`);
    await server.emit(4, 5);
    const { statuses: away, values: meanwhile } = await tab.evaluate<Shown>("shown");
    server.proxy.refusing = false;
    await shows(5);
    await server.emit(6);

    const { values, replayed, gaps, statuses } = await shows(6);
    expect(values).toEqual(numbers(1, 6));
    expect(replayed).toEqual([4, 5]);
    expect(gaps).toEqual([]);
    expect(meanwhile).toEqual([1, 2, 3]);
    expect(away.slice(0, 4)).toEqual(["disconnected", "connecting", "connected", "disconnected"]);
    expect(away.slice(3)).not.toContain("connected");
    expect(statuses.slice(away.length)).toEqual(["connecting", "connected"]);
    // It says each time why, and nothing else has anything to say.
    for (const line of await tab.console()) expect(line).toMatch(/^warn: tidings: /);
  });

  it("F-24: a page that is loaded anew goes on from the cursors that it kept", async () => {
    const { server, tab, shows } = await visit();
    server.onLoad = () => server.emit(4, 5);
    await tab.reload();
    await shows(5);
    await server.emit(6);
    const { values, replayed, gaps } = await shows(6);
    expect(values).toEqual(numbers(1, 6));
    expect(replayed).toEqual([4, 5]);
    expect(gaps).toEqual([]);
  });

  it.each([
    ["was left", () => {}],
    ["was left, and lost its connection meanwhile,", (server: EngineServer) => server.proxy.cutAll()],
  ])("F-25: a page that %s and is come back to has missed nothing", async (_how, harm) => {
    const { server, tab, shows } = await visit();
    await tab.goto(`${server.url}/away`);
    await server.emit(4);
    harm(server);
    await server.emit(5);
    await tab.evaluate("void setTimeout(() => history.back())");
    await shows(5);
    await server.emit(6);
    const { values, gaps, pageshows } = await shows(6);
    expect(values).toEqual(numbers(1, 6));
    expect(gaps).toEqual([]);
    expect(pageshows.at(-1), "whether it came out of the back/forward cache").toBe(cachesPages);
  });

  describe("sleep", () => {
    it.each([
      ["keeps its connection", () => {}],
      ["loses its connection", (server: EngineServer) => server.proxy.cutAll()],
      [
        "has a connection that only seems open",
        (server: EngineServer) => server.proxy.connections.forEach((one) => one.swallow()),
      ],
    ])("F-25: a page that sleeps and %s comes back by itself, and has missed nothing", async (_how, harm) => {
      const { server, tab, shows } = await visit();
      await tab.freeze();
      harm(server);
      await server.emit(4, 5);
      await sleep(SLEEP_MS);
      await tab.thaw();
      await shows(5);
      await server.emit(6);
      const { values, gaps } = await shows(6);
      expect(values).toEqual(numbers(1, 6));
      expect(gaps).toEqual([]);
    });
  });
}
