import { readFileSync } from "node:fs";
import path from "node:path";
import { createServer } from "vite";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { PLANTED_BUGS, type PlantedBug } from "./planted-bugs.ts";
import type * as World from "./world.ts";

const root = path.join(import.meta.dirname, "../..");
const MOST_SEEDS = 400;

beforeEach(() => void vi.spyOn(console, "warn").mockReturnValue());
afterEach(() => vi.restoreAllMocks());

/** The first seed whose world breaks the promise, with this bug in it. */
async function findSeed(bug?: PlantedBug): Promise<number | undefined> {
  await using vite = await serve((code, id) =>
    bug && id === path.join(root, "src", bug.file) ? code.replace(bug.sound, () => bug.broken) : undefined,
  );
  // What the client loads when it needs it takes no time then.
  for (const later of ["explain.ts", "explain-options.ts", "transports/long-polling.ts"])
    await vite.load(`/src/client/${later}`);
  const { planOf, play } = (await vite.load("/test/simulation/world.ts")) as typeof World;
  for (let seed = 0; seed < MOST_SEEDS; seed++) {
    // oxlint-disable-next-line no-await-in-loop -- one world after the other
    const isKept = await play(planOf(seed)).then(
      () => true,
      () => false,
    );
    if (!isKept) return seed;
  }
  return undefined;
}

async function serve(transform: (code: string, id: string) => string | undefined) {
  const server = await createServer({
    root,
    configFile: false,
    logLevel: "silent",
    server: { middlewareMode: true, watch: null, ws: false },
    optimizeDeps: { noDiscovery: true },
    plugins: [{ name: "planted-bug", enforce: "pre", transform }],
  });
  return {
    load: (url: string) => server.ssrLoadModule(url),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

it("nothing is found where nothing is planted", async () => {
  expect(await findSeed()).toBeUndefined();
}, 600_000);

it.each(PLANTED_BUGS.map((bug) => [bug.title, bug] as const))(
  "is found: %s",
  async (_title, bug) => {
    const source = readFileSync(path.join(root, "src", bug.file), "utf8");
    expect(source.split(bug.sound), `stands in ${bug.file} once: ${bug.sound}`).toHaveLength(2);
    const seed = await findSeed(bug);
    expect(seed, `found within ${MOST_SEEDS} seeds`).toBeDefined();
    console.log(`${String(seed).padStart(5)}  ${bug.title}`);
  },
  600_000,
);
