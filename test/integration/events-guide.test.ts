import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import type { Events, RealtimeEvent } from "../../src/events.ts";

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, "../..");
const programs = path.join(root, "test/integration/fixtures/events");
const folder = path.join(root, `.cache/events-guide-${process.pid}`);

/** What the guide says the reader has: a client of Inngest 4. */
const GIVEN = {
  "inngest.ts": `type Step = { run<T>(id: string, body: () => Promise<T>): Promise<T> };
type Event = { id: string; data: { bookingId: string; guestId: string; hostId: string } };
type Handler = (context: { event: Event; step: Step }) => Promise<unknown>;
export const inngest = {
  createFunction: (options: { id: string; triggers: Array<{ event: string }> }, handler: Handler) => ({ options, handler }),
};
`,
};

beforeAll(() => {
  mkdirSync(folder, { recursive: true });
  cpSync(programs, folder, { recursive: true });
  for (const [file, text] of Object.entries(GIVEN)) writeFileSync(path.join(folder, file), text);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("docs/guides/events.md", () => {
  it("shows the programs that are tried here, whole", () => {
    const guide = readFileSync(path.join(root, "docs/guides/events.md"), "utf8");
    const shown = [...guide.matchAll(/^```tsx?\n\/\/ (?<file>[\w.-]+)\n(?<code>[\s\S]*?)^```$/gm)];
    expect(guide.match(/^```/gm)).toHaveLength(2 * (shown.length + (guide.match(/^```sh$/gm)?.length ?? 0)));
    const files = readdirSync(programs).map((file) => [file, readFileSync(path.join(programs, file), "utf8")]);
    expect(Object.fromEntries(shown.map(({ groups = {} }) => [groups["file"], groups["code"]]))).toEqual(
      Object.fromEntries(files),
    );
  });

  it("S-24: says when to take server-sent events, and when a WebSocket", () => {
    const guide = readFileSync(path.join(root, "docs/guides/events.md"), "utf8");
    expect(guide).toMatch(
      /## Server-sent events or WebSocket\n[\s\S]*one way[\s\S]*comes back by itself[\s\S]*WebSocket is for what goes both ways/,
    );
  });

  it("whose programs compile", async () => {
    const config = {
      extends: path.join(root, "tsconfig.json"),
      compilerOptions: { isolatedDeclarations: false, declaration: false },
      include: ["*.ts", "*.tsx"],
    };
    writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify(config));
    const said = await run(process.execPath, [path.join(root, "node_modules/typescript/bin/tsc"), "-p", folder]).catch(
      (error: { stdout: string }) => error,
    );
    expect(said.stdout).toBe("");
  });

  it("S-18, S-19: whose step, tried again, tells the guest once, and a stranger nothing", async () => {
    for (const file of readdirSync(folder).filter((name) => name.endsWith(".ts"))) {
      const { outputText } = ts.transpileModule(readFileSync(path.join(folder, file), "utf8"), {
        compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
      });
      writeFileSync(path.join(folder, file.replace(".ts", ".mjs")), outputText.replaceAll('.js"', '.mjs"'));
    }
    for (const name of ["REDIS_URL", "KV_REST_API_URL"]) vi.stubEnv(name, undefined);
    onTestFinished(() => void vi.unstubAllEnvs());
    const load = async <T>(file: string): Promise<T> => (await import(pathToFileURL(path.join(folder, file)).href)) as T;
    const { events } = await load<{ events: Events<RealtimeEvent> }>("events.mjs");
    onTestFinished(() => events.realtime.close());
    const { GET } = await load<{ GET: (request: Request) => Promise<Response> }>("route.mjs");
    const { notifyOnBookingConfirm } = await load<{
      notifyOnBookingConfirm: { options: unknown; handler(context: object): Promise<unknown> };
    }>("booking-confirmed.mjs");
    const { signIn } = await load<{ signIn: (user: string) => string }>("sessions.mjs");
    const listen = async (user: string): Promise<() => string> => {
      const response = await GET(
        new Request("http://localhost/?channels=booking:b-101", { headers: { cookie: signIn(user) } }),
      );
      let text = "";
      const reader = (response.body as ReadableStream<Uint8Array<ArrayBuffer>>)
        .pipeThrough(new TextDecoderStream())
        .getReader();
      onTestFinished(() => reader.cancel());
      void (async () => {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return;
          text += value;
        }
      })();
      await vi.waitFor(() => expect(text).toContain("event: connected"));
      return () => text;
    };
    const [guest, stranger] = [await listen("guest"), await listen("stranger")];
    expect(notifyOnBookingConfirm.options).toEqual({
      id: "notify-booking-confirm",
      triggers: [{ event: "booking.confirmed" }],
    });
    const event = { id: "01J", data: { bookingId: "b-101", guestId: "guest", hostId: "host" } };
    // The answer of the first try was lost.
    const step = { run: (_: string, body: () => Promise<void>) => body().then(body) };
    await notifyOnBookingConfirm.handler({ event, step });
    await events.broadcast({ type: "agent_status", status: "idle" });
    for (const text of [guest, stranger]) await vi.waitFor(() => expect(text()).toContain("agent_status"));
    expect(guest().match(/^event: booking_update$/gm)).toHaveLength(1);
    expect(stranger()).not.toContain("booking_update");
  });
});
