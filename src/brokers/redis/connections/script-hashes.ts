import { isHashForbidden, replyCode } from "../failures.ts";

/** A command as it travels. */
interface Shortened {
  readonly name: string;
  readonly args: readonly string[];
}

/** A script that was sent once has not earned the extra command that loads it: many a process emits once and ends. */
const USES_BEFORE_LOADING = 2;

/**
 * What one connection knows about the scripts of its server: one that is used again is loaded, and from then on goes by its hash. The
 * text would weigh many times what an event does, and its server would hash it each time.
 */
export class ScriptHashes {
  readonly #load: (script: string) => Promise<unknown> | undefined;
  readonly #uses = new Map<string, number>();
  readonly #hashes = new Map<string, string>();
  /** Whether the server has no such thing, or its user no permission for it. */
  #isRefused = false;

  /** @param load sends `SCRIPT LOAD` behind what was sent before; `undefined` when it could not */
  constructor(load: (script: string) => Promise<unknown> | undefined) {
    this.#load = load;
  }

  /** The shortest form of a command that the server understands. */
  shorten(name: string, args: readonly string[]): Shortened {
    const hash = name === "EVAL" && !this.#isRefused ? this.#hashes.get(args[0] ?? "") : undefined;
    return hash === undefined ? { name, args } : { name: "EVALSHA", args: args.with(0, hash) };
  }

  /** Takes notice of a command that was sent. */
  sent(name: string, args: readonly string[]): void {
    const script = args[0];
    if (name !== "EVAL" || script === undefined || this.#hashes.has(script) || this.#isRefused) return;
    const uses = (this.#uses.get(script) ?? 0) + 1;
    this.#uses.set(script, uses);
    if (uses === USES_BEFORE_LOADING) void this.#learn(script);
  }

  /** Takes notice of the error reply to a command with this script. @returns whether it is news that the hash is of no use any more */
  refused(script: string | undefined, error: unknown): boolean {
    if (script === undefined) return false;
    if (isHashForbidden(error)) this.#isRefused = true;
    else if (replyCode(error) !== "NOSCRIPT") return false;
    // Loaded again at the next use.
    this.#uses.set(script, USES_BEFORE_LOADING - 1);
    return this.#hashes.delete(script);
  }

  async #learn(script: string): Promise<void> {
    try {
      const hash = await this.#load(script);
      if (typeof hash === "string") this.#hashes.set(script, hash);
    } catch {
      this.#isRefused = true;
    }
  }
}
