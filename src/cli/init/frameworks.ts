import type { Project } from "./project.ts";
import type { Framework } from "./scaffold.ts";
import { next } from "./templates/next.ts";
import { nuxt } from "./templates/nuxt.ts";
import { bun, express, fastify, hono } from "./templates/servers.ts";
import { sveltekit } from "./templates/sveltekit.ts";
import { tanstackStart } from "./templates/tanstack-start.ts";

/** What a project is made with comes before what it may use besides: a page's framework, a server's, and what has none. */
const RANKS: ReadonlyArray<readonly Framework[]> = [[next, tanstackStart, sveltekit, nuxt], [hono, express, fastify], [bun]];

/** Every framework that something can be set up for. */
export const FRAMEWORKS: readonly Framework[] = RANKS.flat();

/** The frameworks that a project may be made with; more than one when it cannot be told. */
export function frameworksIn(project: Project): readonly Framework[] {
  return RANKS.map((rank) => rank.filter((each) => each.isIn(project))).find((found) => found.length > 0) ?? [];
}
