import { UsageError, type Terminal } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { visible } from "./visible.ts";

/** Where a run writes to, and what it says of itself. */
export interface Surroundings extends Terminal {
  /** The version of the package. */
  readonly version: string;
  /** Takes what was asked for. */
  print(text: string): void;
}

const isHelp = (argument: string): boolean => argument === "--help" || argument === "-h";

/**
 * Runs `npx tidings` with these arguments. Never rejects.
 * @returns the exit code: 0 when all is well, 1 when the command found that it is not, 2 when it could not be run
 */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { version, print, complain } = surroundings;
  const [name, ...rest] = args;
  if (name === "--version" || name === "-v") {
    print(version);
    return 0;
  }
  const command = name === undefined ? undefined : COMMANDS.get(name);
  if (!command) {
    if (name !== undefined && (isHelp(name) || name === "help")) {
      print(overview());
      return 0;
    }
    complain(name === undefined ? overview() : `There is no ${asCommand(name)}.\n\n${overview()}`);
    return 2;
  }
  if (rest.some(isHelp)) {
    print(command.help);
    return 0;
  }
  try {
    return await command.run(rest, print, surroundings);
  } catch (error) {
    const isUsage = error instanceof UsageError;
    complain(isUsage ? `${error.message}\n\n${command.help}` : `tidings ${name} failed: ${visible(String(error))}`);
    return 2;
  }
}

/** A word is repeated, for it may be misspelt; an address with a password is not. */
function asCommand(name: string): string {
  return /^[a-z-]{1,20}$/i.test(name) ? `command "${name}"` : "such command";
}

function overview(): string {
  const width = Math.max(...[...COMMANDS.keys()].map((name) => name.length));
  const lines = [...COMMANDS].map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return ["Usage: tidings <command> [options]", "", ...lines, "", "tidings <command> --help lists its options."].join("\n");
}
