import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { pathToFileURL } from "node:url";
import ts from "typescript";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { openRaw } from "../support/raw-stream.ts";
import { freePort, startRedis } from "../support/redis-server.ts";

const root = path.resolve(import.meta.dirname, "../..");
const fixtures = (guide: string): string => path.join(root, "test/integration/fixtures", guide);

/** The programs of a guide as JavaScript, in a folder from which `tidings` is the built package. */
function compiled(guide: string): string {
  const cache = path.join(root, ".cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(path.join(cache, `${guide}-`));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const file of readdirSync(fixtures(guide))) {
    const { outputText } = ts.transpileModule(readFileSync(path.join(fixtures(guide), file), "utf8"), {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
    });
    writeFileSync(path.join(folder, file.replace(".ts", ".mjs")), outputText.replaceAll('.js"', '.mjs"'));
  }
  return folder;
}

describe.each(["access", "deploying"])("docs/guides/%s.md", (guide) => {
  it("shows the programs that are tried here, whole", () => {
    const page = readFileSync(path.join(root, "docs/guides", `${guide}.md`), "utf8");
    const shown = [...page.matchAll(/^```ts\n\/\/ (?<file>[\w.-]+)\n(?<code>[\s\S]*?)^```$/gm)].map(({ groups = {} }) => [
      groups["file"],
      groups["code"],
    ]);
    const files = readdirSync(fixtures(guide)).map((file) => [file, readFileSync(path.join(fixtures(guide), file), "utf8")]);
    expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(files));
  });
});

interface AccessProgram {
  readonly realtime: { emit: unknown; close(): Promise<void>; channel(name: string): { emit(e: string, d: unknown): unknown } };
  readonly server: Server;
  remove(user: string, room: string): Promise<void>;
  logOut(session: string): Promise<void>;
}

it("docs/guides/access.md: a member who is removed, and a session that ends, lose what they had, and that alone", async () => {
  vi.stubEnv("PORT", "0");
  vi.stubEnv("REDIS_URL", "");
  const folder = compiled("access");
  const { sessions, members } = (await import(pathToFileURL(path.join(folder, "members.mjs")).href)) as {
    sessions: Map<string, string>;
    members: Set<string>;
  };
  const program = (await import(pathToFileURL(path.join(folder, "server.mjs")).href)) as AccessProgram;
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await program.realtime.close();
    program.server.close();
  });
  if (!program.server.listening) await once(program.server, "listening");
  const url = `http://127.0.0.1:${(program.server.address() as AddressInfo).port}`;
  sessions.set("s1", "ann").set("s2", "bob");
  for (const member of ["ann room:1", "ann room:2", "bob room:1"]) members.add(member);
  const open = (session: string, room: string) =>
    openRaw(`${url}/?v=1&channel=${room}`, { headers: { cookie: `session=${session}` } });
  const [first, second, bob] = [await open("s1", "room:1"), await open("s1", "room:2"), await open("s2", "room:1")];
  for (const stream of [first, second, bob]) await stream.until("connected");
  await program.remove("ann", "room:1");
  await first.ended;
  expect((await open("s1", "room:1")).status).toBe(403);
  await program.logOut("s1");
  await second.ended;
  for (const session of ["s1", "nobodys"]) {
    const refused = await open(session, "room:2");
    expect([refused.status, JSON.parse(await refused.ended)]).toMatchObject([401, { code: "unauthorized" }]);
  }
  await program.realtime.channel("room:1").emit("chat.message", "still here");
  await bob.until("still here");
  bob.destroy();
});

it("docs/guides/deploying.md: a server that is told to end says that it is not ready, sends its clients away, and ends", async () => {
  await using redis = await startRedis();
  const port = await freePort();
  const child = spawn(process.execPath, [path.join(compiled("deploying"), "server.mjs")], {
    env: { ...process.env, PORT: String(port), REDIS_URL: `redis://127.0.0.1:${redis.port}` },
    stdio: "inherit",
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const exited = once(child, "exit");
  const ready = async (): Promise<number> => (await openRaw(`http://127.0.0.1:${port}/readyz`)).status;
  await vi.waitFor(async () => expect(await ready()).toBe(200), { timeout: 10_000 });
  const stream = await openRaw(`http://127.0.0.1:${port}/?v=1&channel=a`);
  await stream.until("connected");
  child.kill("SIGTERM");
  await stream.until("event: reconnect");
  expect(await ready()).toBe(503);
  stream.destroy();
  expect((await exited)[0]).toBe(0);
});
