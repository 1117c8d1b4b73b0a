import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { createElement, type FunctionComponent } from "react";
import { renderToString } from "react-dom/server";
import { afterAll, describe, expect, it } from "vitest";
import { readStream, countOf } from "../support/stream-reader.ts";
import { stream, type Admin } from "tidings/resources";

const root = path.resolve(import.meta.dirname, "../..");
const FOLDERS = ["examples/orders-admin", "test/integration/fixtures/resources"];

/** A file of the example, or of these tests: there it is built or run. */
function read(file: string): string {
  for (const folder of FOLDERS) {
    try {
      return readFileSync(path.join(root, folder, file), "utf8");
    } catch {
      // It is in the other one.
    }
  }
  throw new Error(`${file} is nowhere`);
}

describe("docs/guides/live-lists.md", () => {
  const folder = path.join(root, `.cache/live-lists-guide-${process.pid}`);
  const fixture = (file: string): string => path.join(root, "test/integration/fixtures/resources", file);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("shows code that compiles; that of the example is compiled with it", async () => {
    mkdirSync(folder, { recursive: true });
    const compilerOptions = {
      ...{ target: "es2022", module: "nodenext", jsx: "react-jsx", strict: true, exactOptionalPropertyTypes: true },
      ...{ skipLibCheck: true, noEmit: true, allowImportingTsExtensions: true, lib: ["es2023", "dom"], types: ["node"] },
      ...{ rootDir: root, typeRoots: [path.join(root, "node_modules/@types")] },
    };
    const files = ["staff.ts", "open-orders.tsx", "order-list.tsx"].map(fixture);
    writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
    const said = await promisify(execFile)(process.execPath, [
      path.join(root, "node_modules/typescript/bin/tsc"),
      "-p",
      folder,
    ]).then(
      () => "",
      (error: { stdout: string }) => error.stdout,
    );
    expect(said).toBe("");
  });

  it("shows files that are built and run, whole", () => {
    const guide = readFileSync(path.join(root, "docs/guides/live-lists.md"), "utf8");
    const fences = [...guide.matchAll(/^```(?:tsx?|js)\n\/\/ (?<file>[\w./-]+\.\w+)\n(?<code>[\s\S]*?)^```$/gm)];
    for (const { groups: { file = "", code } = {} } of fences) expect(code, file).toBe(read(file));
    expect(fences.map(({ groups }) => groups?.["file"])).toEqual([
      ...["lib/admin.ts", "app/api/flowpanel/stream/route.ts", "app/api/orders/route.ts", "app/actions.ts"],
      ...["instrumentation.ts", "app/page.tsx", "order-list.tsx", "open-orders.tsx", "staff.ts", "worker.mjs"],
    ]);
    // The other one installs.
    expect(guide.match(/^```/gm)).toHaveLength(2 * (fences.length + 1));
    const table = read("app/order-table.tsx");
    expect(table).toContain("useResourceList<Order>(resource, { initial, page, pageSize: PAGE_SIZE });");
    expect(table).toContain("await list.update(id, { status }, () => setStatus(id, status));");
  });

  it("P-1: a widget renders on a server as the browser hydrates it", async () => {
    const { OpenOrders } = (await import(fixture("open-orders.tsx"))) as {
      readonly OpenOrders: FunctionComponent<{ initial: number }>;
    };
    const html = renderToString(createElement(OpenOrders, { initial: 3 })).replaceAll("<!-- -->", "");
    expect(html).toBe("<p>3 open orders (idle). Last report: none yet.</p>");
    const { OrderList } = (await import(fixture("order-list.tsx"))) as {
      readonly OrderList: FunctionComponent<{ resource: object; initial: object }>;
    };
    const resource = { name: "orders", realtime: true };
    const initial = { rows: [{ id: 7, customer: "Ada", status: "new" }], total: 9 };
    expect(renderToString(createElement(OrderList, { resource, initial })).replaceAll("<!-- -->", "")).toBe(
      "<ul><li>Ada: new <button>Ship</button></li></ul><button>Next page</button><p>idle </p>",
    );
  });

  it("P-12, P-15: a refund is told when both its writes are done, each to those who may see it", async () => {
    const { admin, refund } = (await import(fixture("staff.ts"))) as {
      readonly admin: Admin & { resource(name: string): { create(values: object): Promise<object> } };
      refund(order: number, cents: number): Promise<void>;
    };
    await admin.resource("orders").create({ id: 7, status: "delivered" });
    const query = "channel=resource.orders&channel=resource.payouts";
    const clerk = await readStream(stream(admin), query, { "x-session": "9c07" });
    const boss = await readStream(stream(admin), query, { "x-session": "1b4e" });
    for (const reader of [clerk, boss]) await reader.until((frames) => countOf(frames, "ready") === 1);
    await refund(7, 1_250);
    await boss.until((frames) => countOf(frames, "message") === 2);
    await clerk.until((frames) => countOf(frames, "message") === 1);
    const told = [boss, clerk].map(({ frames }) =>
      frames.filter(({ event }) => event === "message").map(({ data }) => data["channel"]),
    );
    expect([told[0]?.toSorted(), told[1]]).toEqual([["resource.orders", "resource.payouts"], ["resource.orders"]]);
    await clerk.close();
    await boss.close();
    expect((await stream(admin)(new Request(`http://localhost/?${query}`))).status).toBe(401);
    await admin.close();
  });
});
