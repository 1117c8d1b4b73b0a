import { PROBE_MS } from "../../../protocol/limits.ts";
import { replyCode, versionProblem } from "../failures.ts";
import type { RedisNode } from "./driver.ts";
import type { Greeting } from "./greeting.ts";
import { Link, type LinkContext } from "./link.ts";
import type { Pending, Place } from "./pending.ts";
import { ScriptHashes } from "./script-hashes.ts";

/** What a {@link Pipeline} tells its owner. */
export interface PipelineHandlers {
  sent(pending: Pending): void;
  answered(pending: Pending, reply: unknown): void;
  /** The server answered with an error. */
  refused(pending: Pending, error: unknown, from: Pipeline): void;
  /** The server does not know a script any more that others on their way are sent by. */
  forgotten(from: Pipeline): void;
  /** The connection broke while these were on their way, oldest first. */
  lost(pendings: readonly Pending[], from: Pipeline): void;
  up(from: Pipeline): void;
  /** After `lost`. */
  down(from: Pipeline): void;
}

/** What may be on its way. What is not yet sent can still say for certain that it was not. */
const MAX_IN_FLIGHT = 2_000;
const MAX_IN_FLIGHT_BYTES: number = 8 * 1024 * 1024;

/**
 * Commands on their way to one server: sent in the order in which they came, on one connection, without waiting for replies. The
 * client library's own queues are off: it would send a command again whose reply was lost (one emit, two entries), or drop what
 * it holds without a word.
 */
export class Pipeline implements Place {
  readonly node: RedisNode | undefined;
  readonly #link: Link;
  readonly #context: LinkContext;
  readonly #handlers: PipelineHandlers;
  readonly #waiting = new Set<Pending>();
  readonly #inFlight = new Set<Pending>();
  #inFlightBytes = 0;
  #scripts: ScriptHashes = this.#noScripts();
  #greeting: Greeting | undefined;
  /** What is wrong with the server for good, if anything. */
  #problem: string | undefined;
  /** Connections that broke while commands were on their way, which the server may still execute. */
  #loose: string[] = [];
  #fence: Promise<boolean> = Promise.resolve(true);
  /** Whether the server turned out to be a replica: then the connection ends with the last reply, and the next finds the master. */
  #retiring = false;
  #retiredAt: number = Number.NEGATIVE_INFINITY;

  constructor(context: LinkContext, handlers: PipelineHandlers, node?: RedisNode) {
    this.node = node;
    this.#context = context;
    this.#handlers = handlers;
    this.#link = new Link({
      kind: "commands",
      node,
      context,
      handlers: { up: (greeting) => this.#rise(greeting), down: () => this.#lose() },
    });
  }

  get isUp(): boolean {
    return this.#link.isUp;
  }

  /** Why there is no connection, when that is known. */
  get reason(): unknown {
    return this.#link.reason;
  }

  /**
   * Whether what was on its way when earlier connections broke can be executed no more: their server has ended, or has closed
   * them for good.
   */
  get isFenced(): Promise<boolean> {
    return this.#fence;
  }

  open(): void {
    this.#link.open();
  }

  push(pending: Pending): void {
    this.#link.open();
    // Where nobody waits, none need line up.
    if (this.#waiting.size === 0 && this.#send(pending)) return;
    pending.place = this;
    this.#waiting.add(pending);
    this.#pump();
  }

  /** Sends a command ahead of what waits. `undefined`: certainly not sent. */
  ask(name: string, args: readonly string[]): Promise<unknown> | undefined {
    this.#link.open();
    return this.#link.command(name, args);
  }

  remove(pending: Pending): void {
    this.#waiting.delete(pending);
  }

  /** Takes back what waits here for these keys, oldest first. */
  takeWaiting(isWanted: (key: string) => boolean): Pending[] {
    const taken = [...this.#waiting].filter(({ command }) => isWanted(command.key));
    for (const pending of taken) this.#waiting.delete(pending);
    return taken;
  }

  /** The keys for which something is on its way or waits. */
  get keys(): Set<string> {
    return new Set([...this.#inFlight, ...this.#waiting].map(({ command }) => command.key));
  }

  /** What is on its way for a key. */
  countInFlight(key: string): number {
    let count = 0;
    for (const { command } of this.#inFlight) if (command.key === key) count++;
    return count;
  }

  /** Ends it; what was on its way is `lost` first. */
  close(): Promise<void> {
    this.#abandon();
    return this.#link.close();
  }

  #pump(): void {
    if (this.#retiring) return;
    if (this.#problem !== undefined && this.isUp) this.#refuseAll(this.#problem);
    for (const pending of this.#waiting) {
      if (!this.#send(pending)) return;
      this.#waiting.delete(pending);
    }
  }

  /** @returns whether it was sent; else certainly not */
  #send(pending: Pending): boolean {
    if (!this.isUp || this.#retiring || this.#problem !== undefined) return false;
    if (this.#inFlight.size >= MAX_IN_FLIGHT || this.#inFlightBytes >= MAX_IN_FLIGHT_BYTES) return false;
    const { name, args, bytes } = pending.command;
    // Commands on one connection are executed in order, so this one is for the next one alone.
    if (pending.askNode) this.#link.command("ASKING", [])?.catch(() => {});
    const scripts = this.#scripts;
    const short = scripts.shorten(name, args);
    const reply = this.#link.command(short.name, short.args);
    if (!reply) return false;
    scripts.sent(name, args);
    this.#inFlight.add(pending);
    this.#inFlightBytes += bytes;
    pending.place = undefined;
    this.#handlers.sent(pending);
    reply.then(
      (value) => {
        if (!this.#land(pending)) return;
        this.#handlers.answered(pending, value);
        this.#goOn();
      },
      (error: unknown) => {
        if (!this.#land(pending)) return;
        if (replyCode(error) === "READONLY") this.#retire();
        this.#handlers.refused(pending, error ?? new Error("no reason given"), this);
        if (scripts.refused(args[0], error)) this.#handlers.forgotten(this);
        this.#goOn();
      },
    );
    return true;
  }

  #refuseAll(problem: string): void {
    const pendings = [...this.#waiting];
    this.#waiting.clear();
    for (const pending of pendings) this.#handlers.refused(pending, new Error(problem), this);
  }

  /** @returns whether it was still on its way: else its connection is gone, and it was lost then */
  #land(pending: Pending): boolean {
    if (!this.#inFlight.delete(pending)) return false;
    this.#inFlightBytes -= pending.command.bytes;
    return true;
  }

  #goOn(): void {
    if (this.#retiring && this.#inFlight.size === 0) this.#link.reset();
    else if (this.#waiting.size > 0) this.#pump();
  }

  #rise(greeting: Greeting): void {
    const before = this.#greeting?.runId;
    this.#greeting = greeting;
    this.#scripts = this.#noScripts();
    this.#problem = versionProblem(greeting.version);
    // A process that has ended executes nothing; and what another server executes, that is no master any more, is thrown away.
    if (before !== undefined && greeting.runId !== undefined && before !== greeting.runId) this.#loose = [];
    this.#fence = this.#closeLoose(greeting.runId !== undefined);
    this.#handlers.up(this);
    this.#pump();
  }

  #noScripts(): ScriptHashes {
    return new ScriptHashes((script) => this.#link.command("SCRIPT", ["LOAD", script]));
  }

  /** @param isKnown whether this is certainly the server that the connections were with. */
  async #closeLoose(isKnown: boolean): Promise<boolean> {
    for (const id of [...this.#loose]) {
      const killed = isKnown && id !== "" ? this.#link.command("CLIENT", ["KILL", "ID", id]) : undefined;
      if (!killed) return false;
      try {
        await killed;
      } catch {
        return false;
      }
      this.#loose = this.#loose.filter((other) => other !== id);
    }
    return true;
  }

  #lose(): void {
    this.#retiring = false;
    if (this.#inFlight.size > 0) this.#loose.push(this.#greeting?.clientId ?? "");
    this.#abandon();
    this.#handlers.down(this);
  }

  #abandon(): void {
    const pendings = [...this.#inFlight];
    this.#inFlight.clear();
    this.#inFlightBytes = 0;
    if (pendings.length > 0) this.#handlers.lost(pendings, this);
  }

  /** Not more often than connections are probed: every server at hand may be a replica. */
  #retire(): void {
    const now = this.#context.clock.now();
    // On a cluster the error says that the map is old.
    if (this.node || now - this.#retiredAt < PROBE_MS) return;
    this.#retiredAt = now;
    this.#retiring = true;
  }
}
