import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine, Tab } from "../support/browsers/engine.ts";
import { launchChromium } from "../support/browsers/chromium.ts";
import { bundlePage } from "../support/bundle.ts";
import { startEngineServer, type EngineServer } from "../support/engine-server.ts";
import { startHttpProxy, type HttpProxy, type Passing } from "../support/http-proxy.ts";

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe("where streams cannot be had", () => {
  let engine: Engine;
  let script: string;

  beforeAll(async () => {
    engine = await launchChromium();
    script = await bundlePage("test/browser/fixtures/engine-page.ts");
  });
  afterAll(() => engine?.close());

  interface Visit extends AsyncDisposable {
    readonly server: EngineServer;
    readonly proxy: HttpProxy;
    readonly tab: Tab;
  }

  async function visit(passing: Passing): Promise<Visit> {
    const server = await startEngineServer({ script });
    const proxy = await startHttpProxy(server.url);
    proxy.passing = passing;
    const tab = await engine.newTab(`${proxy.url}/`);
    return {
      server,
      proxy,
      tab,
      async [Symbol.asyncDispose]() {
        await tab.close();
        await proxy[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  }

  const shows = async (tab: Tab, values: readonly number[]): Promise<void> => {
    await tab.until(`shown.values.length >= ${values.length}`);
    expect(await tab.evaluate("[shown.values, shown.gaps]")).toEqual([values, []]);
  };

  it.each<[string, Passing]>([
    ["holds responses back until they have ended", { how: "when it has ended" }],
    ["cuts what takes longer than a second", { how: "not for long", ms: 1_000 }],
  ])("a page behind a proxy that %s asks for pages, says so, and misses nothing", async (_how, passing) => {
    await using visited = await visit(passing);
    const { server, proxy, tab } = visited;
    await tab.until(`shown.statuses.at(-1) === "connected"`);
    for (let value = 1; value <= 20; value++) await server.emit(value);
    await shows(tab, numbers(1, 20));
    await expect.poll(async () => (await tab.console()).join("\n"), { timeout: 20_000 }).toContain("Asking for pages");
    const before = proxy.requests.length;
    await server.emit(21);
    await shows(tab, numbers(1, 21));
    expect(proxy.requests.slice(before).every((url) => url.includes("wait="))).toBe(true);
  });

  it("a gateway that has no server behind it for a while is asked until it has, and the status tells the truth", async () => {
    await using visited = await visit({ how: "at once" });
    const { server, proxy, tab } = visited;
    await tab.until(`shown.statuses.at(-1) === "connected"`);
    await server.emit(1);
    await shows(tab, [1]);
    proxy.passing = { how: "not at all", status: 502 };
    proxy.cut();
    await tab.until(
      `shown.statuses.join().endsWith("connecting,disconnected,connecting,disconnected,connecting,disconnected")`,
    );
    await server.emit(2, 3);
    proxy.passing = { how: "at once" };
    await shows(tab, [1, 2, 3]);
    expect(await tab.evaluate("shown.statuses.at(-1)")).toBe("connected");
  });
});
