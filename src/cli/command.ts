/** A command of `npx tidings`. */
export interface Command {
  /** What it does, for the list of commands. */
  readonly summary: string;
  /** What `--help` says: how it is called, and each of its options. */
  readonly help: string;
  /**
   * Runs it.
   * @param args what stands behind its name
   * @param print takes what it has to say, a line or several
   * @returns the exit code: 0 when all is well, 1 when it is not
   * @throws UsageError for arguments that it cannot take
   */
  run(args: readonly string[], print: (text: string) => void): Promise<number>;
}

/** A command was called in a way that it does not know. Its text quotes no argument: one that stands in the wrong place may be a password. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
}
