import type { Command } from "./command.ts";
import { doctor } from "./doctor.ts";
import { init } from "./init.ts";
import { tail } from "./tail.ts";

/** Every command, by the name that it is called by. */
export const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ["init", init],
  ["doctor", doctor],
  ["tail", tail],
]);
