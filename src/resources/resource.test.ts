import { afterEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import { defineAdmin, type Admin } from "./admin.ts";
import { resource } from "./resource.ts";
import { stream } from "./stream.ts";

/** A table as Drizzle makes it: its name behind a registered symbol, its columns as properties. */
function drizzleTable() {
  const table = { name: { primary: false }, number: { primary: true }, status: { primary: false } };
  return Object.assign(table, { [Symbol.for("drizzle:Name")]: "orders" }) as typeof table & {
    readonly _: { readonly name: "orders" };
    readonly $inferSelect: { number: number; name: string; status: string };
    readonly $inferInsert: { number?: number; name: string };
  };
}

const admins: Admin[] = [];
const define: typeof defineAdmin = (options) => {
  const admin = defineAdmin(options);
  admins.push(admin);
  return admin;
};
afterEach(async () => {
  for (const admin of admins.splice(0)) await admin.close();
  vi.restoreAllMocks();
});

describe("P-1: a resource", () => {
  it("has the name and the key of its table, or the name that is given", () => {
    expect(resource(drizzleTable(), { columns: ["number", "status"], realtime: true })).toMatchObject({
      ...{ name: "orders", key: "number", columns: ["number", "status"], realtime: true },
    });
    expect(resource({ name: "notes" })).toMatchObject({ name: "notes", key: "id", realtime: false });
    expect(resource("users", { key: "email" })).toMatchObject({ name: "users", key: "email" });
  });

  it("knows the columns and rows of its table, to the compiler", () => {
    // @ts-expect-error -- no column
    resource(drizzleTable(), { columns: ["price"] });
    const admin = define({ resources: [resource(drizzleTable()), resource("notes")] });
    const orders = admin.resource("orders");
    expectTypeOf(orders.create).parameter(0).toEqualTypeOf<{ number?: number; name: string }>();
    expectTypeOf(orders.update).returns.resolves.toEqualTypeOf<{ number: number; name: string; status: string } | undefined>();
    expectTypeOf(admin.resource("notes").create).parameter(0).toEqualTypeOf<Record<string, unknown>>();
    // @ts-expect-error -- no such resource
    expect(() => admin.resource("payouts")).toThrow("no resource");
  });

  it("is refused with a sentence when it has no name, or options that do not exist", () => {
    for (const table of [{}, { name: 7 }, "no name", "x".repeat(120)]) expect(() => resource(table)).toThrow(/takes a table/);
    expect(() => resource("orders", { realTime: true } as never)).toThrow("Did you mean `realtime`?");
    expect(() => resource("orders", { realtime: { driver: "redis" } } as never)).toThrow("the driver is for `defineAdmin`");
    expect(() => resource("orders", { columns: "id" } as never)).toThrow("a list of names");
    expect(() => resource("orders", { access: "admin" } as never)).toThrow("a list of roles");
  });
});

describe("P-2: an admin", () => {
  it("opens nothing while it is defined, though the URL of its Redis is missing, as in a build", async () => {
    const admin = define({ realtime: { driver: "redis", url: undefined as unknown as string } });
    stream(admin);
    await expect(admin.publisher.publish("jobs")).rejects.toMatchObject({ code: "bad_option" });
  });

  it("is refused with a sentence for what cannot be meant", () => {
    expect(() => define({ realtime: { driver: "kafka" } as never })).toThrow('{ driver: "redis", url }');
    expect(() => define({ realtime: { driver: "redis", uri: "redis://localhost" } as never })).toThrow("Did you mean `url`?");
    expect(() => define({ resource: [] } as never)).toThrow("Did you mean `resources`?");
    expect(() => define({ resources: [resource("a"), resource("a")] })).toThrow("twice");
    expect(() => define({ resources: ["orders"] as never })).toThrow("what `resource(…)` returns");
    expect(() => define({ auth: {} as never })).toThrow("session(request)");
    expect(() => define({ resources: [resource("payouts", { access: ["admin"] })] })).toThrow("anybody could see it");
    expect(() => stream({} as never)).toThrow("what `defineAdmin` returns");
    expect(() => stream(define(), { heartbeatMs: 1 })).toThrow("heartbeatMs");
    expect(() => stream(define(), { heartbeat: 1 } as never)).toThrow("Did you mean `heartbeatMs`?");
  });

  it("P-12: says in production that nobody guards its stream, at its first request", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const route = stream(define({ realtime: { driver: "memory", keyPrefix: "unguarded" } }));
    vi.stubEnv("NODE_ENV", "production");
    try {
      await (await route(new Request("http://localhost/?channel=jobs"))).body?.cancel();
    } finally {
      vi.unstubAllEnvs();
    }
    expect(warn.mock.calls).toEqual([[expect.stringContaining("this admin has no `auth`")]]);
  });
});
