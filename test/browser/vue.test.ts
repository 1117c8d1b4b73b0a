import { pathToFileURL } from "node:url";
import { describe, expect, it, vi } from "vitest";
import { FakeServer } from "../../src/client/fake-server.ts";
import type { ProvideRealtimeOptions } from "../../src/client/vue.ts";
import { testBinding } from "../support/binding-suite.ts";
import { bundleWith } from "../support/frameworks.ts";

describe("Vue 3", () => {
  testBinding({ framework: "vue3", ways: ["ref", "function", "inPlace"], providers: ["component", "plugin"] });

  it("C3: the plugin gives an application one connection, which ends with it", async () => {
    const file = await bundleWith("vue3", { entry: "vue3/server.ts", for: "server" });
    const { mountWithPlugin } = (await import(pathToFileURL(file).href)) as {
      mountWithPlugin(options: ProvideRealtimeOptions): () => void;
    };
    const server = new FakeServer();
    const unmount = mountWithPlugin({ api: { url: "http://fake.test/events" }, fetch: server.fetch });
    await vi.waitFor(() => expect(server.open.map(({ channels }) => channels)).toEqual([["plugged"]]));
    unmount();
    expect(server.open).toEqual([]);
  });

  it("says in development that options which change are not followed", async () => {
    const file = await bundleWith("vue3", { entry: "vue3/server.ts", for: "server" });
    const { provideOddly, mountWithPlugin } = (await import(pathToFileURL(file).href)) as {
      provideOddly: Readonly<Record<string, () => () => void>>;
      mountWithPlugin(options: ProvideRealtimeOptions): () => void;
    };
    const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
    const fetch = new FakeServer().fetch;
    const lines = (): string[] => warned.mock.calls.flat().filter((line) => String(line).includes("reads its options once"));
    mountWithPlugin({ api: { url: "http://fake.test/events" }, fetch })();
    for (const [what, mount] of Object.entries(provideOddly)) {
      mount()();
      await vi.waitFor(() =>
        expect(lines().at(-1)).toContain(`provideRealtime() was given ${what}, and reads its options once`),
      );
    }
    expect(lines()).toHaveLength(3);
    warned.mockRestore();
  });
});
