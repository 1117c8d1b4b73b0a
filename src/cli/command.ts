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
   * @param terminal what else it may need of where it runs
   * @returns the exit code: 0 when all is well, 1 when it is not
   * @throws UsageError for arguments that it cannot take
   */
  run(args: readonly string[], print: (text: string) => void, terminal: Terminal): Promise<number>;
}

/** Where a command runs, beside where it prints to. */
export interface Terminal {
  /** The folder that it was called in. */
  readonly folder: string;
  /** Takes what is said beside what was asked for: it goes to where nobody reads on from. */
  complain(text: string): void;
  /** Asks a person for yes or no; `undefined` where there is none. */
  readonly ask?: ((question: string) => Promise<boolean>) | undefined;
  /**
   * Aborts when the command is to end: the user said so, or nobody reads any more what it prints. From the first call on the command
   * has to end by itself.
   */
  whenEnded(): AbortSignal;
}

/** A command was called in a way that it does not know. Its text quotes no argument: one that stands in the wrong place may be a password. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
}
