import { describe, expect, it } from "vitest";
import { bundleSimulation, type Simulation } from "./bundle.ts";
import type { Find } from "./explore.ts";
import { PLANTED_BUGS, type PlantedBug } from "./planted-bugs.ts";

const MOST_SEEDS = 2_000;

/** The first seed whose world breaks the promise, with this bug in it. */
async function findBug(bug?: PlantedBug): Promise<Find | undefined> {
  const { explore } = (await import(/* @vite-ignore */ await bundleSimulation(bug))) as Simulation;
  const { find } = await explore({ first: 0, isEnough: ({ seeds }) => seeds >= MOST_SEEDS });
  return find;
}

describe(`within ${MOST_SEEDS} seeds`, () => {
  it("nothing is found where nothing is planted", async () => {
    expect(await findBug()).toBeUndefined();
  }, 600_000);

  it.each(PLANTED_BUGS.map((bug) => [bug.title, bug] as const))(
    "is found: %s",
    async (title, bug) => {
      const find = await findBug(bug);
      expect(find).toBeDefined();
      console.log(`${String(find?.seed).padStart(5)}  ${title}: ${find?.reason}`);
    },
    600_000,
  );
});
