import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import type { Engine, Tab } from "./browsers/engine.ts";
import { serve, type TestServer } from "./http-server.ts";

/** Waits for the lock for ever, and says when it has it. */
const WANT_LOCK = `void navigator.locks.request("lock", () => ((globalThis.holds = true), new Promise(() => {})))`;

/** What one engine does and another does not. */
export interface EngineHabits {
  /** Whether the engine can be driven on when a tab has crashed. */
  readonly outlivesCrashes: boolean;
}

/** What tests of several tabs take for granted of an engine. Called by a test file. @param engine the one that the file has started */
export function engineTabsSuite(engine: () => Engine, { outlivesCrashes }: EngineHabits): void {
  let server: TestServer;

  beforeAll(async () => {
    server = await serve((_request, response) => void response.setHeader("content-type", "text/html").end("<!doctype html>"));
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  async function newTab(): Promise<Tab> {
    const tab = await engine().newTab(server.url);
    onTestFinished(() => tab.close());
    return tab;
  }

  /** Two tabs. The first holds a lock, which the second waits for. */
  async function holderAndHeir(): Promise<[holder: Tab, heir: Tab]> {
    const [holder, heir] = await Promise.all([newTab(), newTab()]);
    await holder.evaluate(WANT_LOCK);
    await holder.until("globalThis.holds");
    await heir.evaluate(WANT_LOCK);
    expect(await heir.evaluate("(async () => (await navigator.locks.query()).pending.length)()")).toBe(1);
    expect(await heir.evaluate("globalThis.holds")).toBe(null);
    return [holder, heir];
  }

  it("two tabs hear each other on a BroadcastChannel, and share what is stored", async () => {
    const [one, other] = await Promise.all([newTab(), newTab()]);
    await one.evaluate(
      `void ((globalThis.ear = new BroadcastChannel("talk")).onmessage = ({ data }) => (globalThis.heard = data))`,
    );
    await other.evaluate(`new BroadcastChannel("talk").postMessage("hello")`);
    await one.until(`globalThis.heard === "hello"`);
    await other.evaluate(`localStorage.setItem("kept", "here")`);
    expect(await one.evaluate(`localStorage.getItem("kept")`)).toBe("here");
  });

  it("a tab that closes hands its Web Lock on", async () => {
    const [holder, heir] = await holderAndHeir();
    await holder.close();
    await heir.until("globalThis.holds");
  });

  it.runIf(outlivesCrashes)("a tab that crashes hands its Web Lock on", async () => {
    const [holder, heir] = await holderAndHeir();
    await holder.crash?.();
    await heir.until("globalThis.holds");
  });

  it("a frozen tab does nothing, not even let go of its Web Lock, and goes on where it stood; others do not notice", async () => {
    const [holder, heir] = await holderAndHeir();
    await holder.evaluate("void setInterval(() => (globalThis.ticks = (globalThis.ticks ?? 0) + 1), 10)");
    await holder.until("globalThis.ticks > 0");
    await holder.freeze();
    await expect(holder.evaluate("1")).rejects.toThrow("frozen");
    await heir.evaluate("new Promise((resolve) => setTimeout(resolve, 1_000))");
    expect(await heir.evaluate("globalThis.holds")).toBe(null);
    await holder.thaw();
    // 100 would have been.
    expect(await holder.evaluate("globalThis.ticks")).toBeLessThan(50);
    const ticks = await holder.evaluate<number>("globalThis.ticks");
    await holder.until(`globalThis.ticks > ${ticks}`);
    await holder.close();
    await heir.until("globalThis.holds");
  });
}
