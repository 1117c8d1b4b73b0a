import path from "node:path";
import { build, type Rolldown } from "vite";
import type { describeFind, digestOf, explore } from "./explore.ts";

const root = path.join(import.meta.dirname, "../..");

/** Limits of the simulated worlds, in bytes unless they are counts: what fills up at ten thousands elsewhere does so after a dozen events here. */
const SMALL_LIMITS: Readonly<Record<string, number>> = {
  MAX_BUFFERED_BYTES: 1_200,
  PAGE_BYTES: 300,
  MAX_READS_IN_FLIGHT: 2,
  RING_BYTES: 2_400,
  TOTAL_RING_BYTES: 6_000,
  MAX_LINGERING_TOPICS: 1,
  CATCH_UP_QUEUE_BYTES: 700,
  TOTAL_CATCH_UP_QUEUE_BYTES: 2_000,
  MAX_ANNOUNCED_BYTES: 2_000,
  TOTAL_SHELF_BYTES: 3_000,
};

/** What the bundle exports. */
export interface Simulation {
  readonly explore: typeof explore;
  readonly describeFind: typeof describeFind;
  readonly digestOf: typeof digestOf;
}

/** A change of one source file. */
export interface Patch {
  /** Below `src`. */
  readonly file: string;
  /** Stands in the file once. */
  readonly sound: string;
  readonly broken: string;
}

/**
 * The simulation and all that it runs in one module, as a bundler makes it for production, with small limits, and with a bug where one is
 * given.
 *
 * @returns a URL to import a {@link Simulation} from.
 */
export async function bundleSimulation(bug?: Patch): Promise<string> {
  const bundle = await build({
    root,
    configFile: false,
    logLevel: "warn",
    // The simulated network decodes by itself.
    define: { "process.env.NODE_ENV": '"production"', TextDecoderStream: "Object" },
    plugins: [
      {
        name: "simulation",
        enforce: "pre",
        transform(code, id) {
          const file = path.relative(path.join(root, "src"), id);
          const small = file === path.join("protocol", "limits.ts") ? withSmallLimits(code) : code;
          return bug && file === path.normalize(bug.file) ? replaceOnce(small, bug) : small;
        },
      },
    ],
    build: {
      ssr: path.join(import.meta.dirname, "explore.ts"),
      target: "es2022",
      minify: false,
      write: false,
      rolldownOptions: { output: { codeSplitting: false } },
    },
  });
  const [chunk] = (bundle as Rolldown.RolldownOutput).output;
  return `data:text/javascript;base64,${Buffer.from(`${chunk.code}\n//# sourceURL=simulation.mjs`).toString("base64")}`;
}

function withSmallLimits(code: string): string {
  let small = code;
  for (const [name, value] of Object.entries(SMALL_LIMITS)) {
    const declaration = new RegExp(`(?<=^export const ${name}(?:: number)? = ).*(?=;$)`, "m");
    if (!declaration.test(small)) throw new Error(`the simulation changes ${name}, which does not stand in limits.ts any more`);
    small = small.replace(declaration, String(value));
  }
  return small;
}

function replaceOnce(code: string, { file, sound, broken }: Patch): string {
  if (code.split(sound).length !== 2) throw new Error(`this does not stand in src/${file} once: ${sound}`);
  return code.replace(sound, () => broken);
}
