/** The file that every framework gets: the events, and where they are kept. */
import type { Project } from "../project.ts";

interface Validator {
  /** Its package. */
  readonly name: string;
  readonly imports: string;
  /** A message of a chat: a text that is not empty. */
  readonly message: string;
}

const ZOD: Validator = {
  name: "zod",
  imports: `import { z } from "zod";`,
  message: `z.object({ text: z.string().trim().min(1).max(500) })`,
};

/** The first one that the project has is taken; zod, if it has none. */
const VALIDATORS: readonly Validator[] = [
  ZOD,
  {
    name: "valibot",
    imports: `import * as v from "valibot";`,
    message: `v.object({ text: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(500)) })`,
  },
  { name: "arktype", imports: `import { type } from "arktype";`, message: `type({ text: "1 <= string <= 500" })` },
];

/** The validator of the project, or the one that it is to install. */
export function validatorOf({ uses }: Pick<Project, "uses">): Validator {
  return VALIDATORS.find(({ name }) => uses(name)) ?? ZOD;
}

interface Store {
  readonly imports: string;
  readonly redis: string;
  readonly comment: string;
}

/** What holds the variables of the environment, where that is not `process.env`. */
export interface Environment {
  readonly name: string;
  readonly imports: string;
}

/** How {@link realtimeFile} is written. */
export interface RealtimeFileOptions {
  readonly env?: Environment;
  /** Whether the server runs on Bun, which has a client of its own. @default false */
  readonly onBun?: boolean;
}

/** `realtime.ts`. */
export function realtimeFile(project: Project, { env, onBun = false }: RealtimeFileOptions = {}): string {
  const validator = validatorOf(project);
  const { imports, redis, comment } = storeOf(project, env?.name ?? "process.env", onBun);
  const head = [env?.imports ?? "", imports, `import { Realtime } from "tidings";`, validator.imports];
  return `${head.filter((line) => line !== "").join("\n")}

export const realtime = new Realtime({
  schema: {
    chat: { message: ${validator.message} },
  },
  // ${comment}
  redis: ${redis},
});
`;
}

function storeOf({ uses, packageManager }: Project, env: string, onBun: boolean): Store {
  if (onBun)
    return {
      imports: `import { createBunRedisAdapter } from "tidings/adapters/bun";`,
      redis: `${env}.REDIS_URL ? createBunRedisAdapter(Bun.redis) : undefined`,
      comment: "In this process's memory, until REDIS_URL is set.",
    };
  const hasClient = uses("ioredis") || uses("redis");
  if (uses("@upstash/redis") && !hasClient)
    return {
      imports: `import { Redis } from "@upstash/redis";`,
      redis: `${env}.UPSTASH_REDIS_REST_URL
    ? new Redis({ url: ${env}.UPSTASH_REDIS_REST_URL, token: ${env}.UPSTASH_REDIS_REST_TOKEN })
    : undefined`,
      comment: "In this process's memory, until UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN are set.",
    };
  const install = packageManager === "npm" ? "npm i" : `${packageManager} add`;
  return {
    imports: "",
    // Not memory by name: production warns of memory that nobody asked for.
    redis: `${env}.REDIS_URL`,
    comment: hasClient
      ? "In this process's memory, until REDIS_URL is set."
      : `In this process's memory, until there is a Redis: ${install} ioredis, and set REDIS_URL.`,
  };
}
