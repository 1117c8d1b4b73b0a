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
});
