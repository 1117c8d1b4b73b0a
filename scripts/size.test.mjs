// @ts-check
import { describe, expect, it } from "vitest";
import { bundle } from "./size.mjs";

describe.each([
  ["tidings/client/core", "src/client/core.ts", /^src\/(client|protocol)\/[a-z-]+\.ts$/],
  ["tidings/client", "src/client/react.ts", /^src\/(client|protocol)\/((bindings|react)\/)?[a-z-]+\.tsx?$/],
  ["tidings/client/svelte", "src/client/svelte.ts", /^src\/(client|protocol)\/((bindings|svelte)\/)?[a-z-]+\.ts$/],
  ["tidings/client/vue", "src/client/vue.ts", /^src\/(client|protocol)\/((bindings|vue)\/)?[a-z-]+\.ts$/],
])("what %s ships to a browser", (_name, entry, ours) => {
  it("I12 Browser, B-20: no validator, nothing of the server; in production one line on the console, when a listener threw", async () => {
    const { code, modules } = await bundle(entry);
    expect(modules.length).toBeGreaterThan(8);
    expect(modules.filter((module) => !ours.test(module))).toEqual([]);
    expect(code.match(/console\.\w+/g)).toEqual(["console.error"]);
  }, 60_000);
});
