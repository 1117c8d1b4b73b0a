import type { TidingsError } from "../../../protocol/error.ts";
import { closedError, isDeferrable, refusedError, replyCode, unansweredError, unsentError } from "../failures.ts";
import { readSettled, settleArgs, type Settled } from "../settle.ts";
import type { RedisCommand } from "../transport.ts";
import { parseRedirection } from "./cluster-nodes.ts";
import { Deadlines } from "./deadlines.ts";
import { Lane } from "./lane.ts";
import type { LinkContext } from "./link.ts";
import { Pending } from "./pending.ts";
import type { Pipeline, PipelineHandlers } from "./pipeline.ts";
import type { Router } from "./router.ts";

/** What may wait here while Redis cannot be reached, or is slower than we are. */
const MAX_WAITING = 10_000;
const MAX_WAITING_BYTES: number = 32 * 1024 * 1024;
/** Time between two attempts while a server wants to be asked again. */
const MIN_PAUSE_MS = 20;
const MAX_PAUSE_MS = 500;

/**
 * Sends the commands of one process: those of one key in call order, each stored at most once, and settles each exactly once and in
 * time. Where all is well a command goes straight into the pipeline of its server. A key with which something is wrong gets a
 * {@link Lane}, until it is well again.
 */
export class Commands implements PipelineHandlers {
  readonly #context: LinkContext;
  readonly #router: Router;
  readonly #lanes = new Map<string, Lane>();
  readonly #deadlines: Deadlines;
  /** What was never sent and has to wait. */
  readonly #unsent = new Set<Pending>();
  #unsentBytes = 0;
  #count = 0;
  #isClosed = false;

  /** @param createRouter makes the router, which makes pipelines with these handlers */
  constructor(context: LinkContext, createRouter: (commands: Commands) => Router) {
    this.#context = context;
    this.#router = createRouter(this);
    this.#deadlines = new Deadlines(context.clock, (pending) => this.#expire(pending));
  }

  /** Resolves with the reply. Rejects with a `TidingsError`, within `timeoutMs`. */
  send(command: RedisCommand): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) {
        reject(closedError(command.attempt.address));
        return;
      }
      const isFull = this.#unsent.size >= MAX_WAITING || this.#unsentBytes + command.bytes > MAX_WAITING_BYTES;
      // An empty queue takes anything.
      if (isFull && this.#unsent.size > 0) {
        reject(unsentError(command.attempt, "too much is waiting to be sent"));
        return;
      }
      const calledAt = this.#context.clock.now();
      const pending = new Pending(command, { number: ++this.#count, calledAt, resolve, reject, settled: this.#settled });
      this.#deadlines.add(pending);
      const lane = this.#lanes.get(command.key);
      if (lane) lane.add(pending);
      else this.#dispatch(pending);
      // Most are on their way by now.
      if (pending.state !== "waiting" || pending.isSettled) return;
      this.#unsent.add(pending);
      this.#unsentBytes += command.bytes;
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    // What is on its way is lost first, and those in doubt with it.
    await Promise.all([this.#router.close(), this.#abandon()]);
  }

  async #abandon(): Promise<void> {
    for (const lane of this.#lanes.values()) {
      this.#context.clock.clearTimeout(lane.pause);
      for (const pending of lane.takeAll()) {
        if (pending.state === "inDoubt") this.#giveUp(pending, CLOSED);
        else this.#fail(pending, closedError(pending.command.attempt.address));
      }
    }
    this.#lanes.clear();
    for (const pending of this.#unsent) this.#fail(pending, closedError(pending.command.attempt.address));
  }

  // What the pipelines say

  sent(pending: Pending): void {
    pending.state = "sent";
    pending.sentAt = this.#context.clock.now();
    this.#forgetUnsent(pending);
  }

  answered(pending: Pending, reply: unknown): void {
    pending.resolve(reply);
    const lane = this.#lanes.get(pending.command.key);
    if (!lane) return;
    lane.inFlight--;
    if (lane.probe === pending) this.#release(lane);
    else this.#advance(lane);
  }

  refused(pending: Pending, error: unknown, from: Pipeline): void {
    const { key, attempt } = pending.command;
    const known = this.#lanes.get(key);
    if (known) known.inFlight--;
    pending.askNode = undefined;
    pending.state = "refused";
    pending.refusal = error;
    // The router learns from it, also when nobody waits for the answer any more.
    const isElsewhere = this.#router.refused(key, error);
    if (pending.isSettled || this.#isClosed || !(isElsewhere || isDeferrable(error))) {
      this.#fail(pending, refusedError(attempt, error));
      if (known) this.#advance(known);
      return;
    }
    if (replyCode(error) === "ASK") pending.askNode = parseRedirection(error)?.node;
    const lane = known ?? this.#openLane(key, from);
    lane.add(pending);
    const isFirst = lane.refusals++ < 2;
    if (!(isElsewhere && isFirst)) this.#pause(lane);
    this.#advance(lane);
  }

  lost(pendings: readonly Pending[], from: Pipeline): void {
    const inDoubt: Pending[] = [];
    for (const pending of pendings) {
      const lane = this.#lanes.get(pending.command.key);
      if (lane) lane.inFlight--;
      pending.askNode = undefined;
      if (pending.isSettled) continue;
      if (this.#isClosed) this.#giveUp(pending, CLOSED);
      else if (!pending.command.emit) this.#giveUp(pending, LOST);
      else inDoubt.push(pending);
    }
    const keys = new Set(inDoubt.map(({ command }) => command.key));
    const behind = from.takeWaiting((key) => keys.has(key));
    for (const pending of inDoubt) pending.state = "inDoubt";
    for (const pending of [...inDoubt, ...behind]) this.#openLane(pending.command.key, from).add(pending);
    for (const key of keys) this.#advance(this.#openLane(key, from));
  }

  up(): void {
    for (const lane of this.#lanes.values()) this.#advance(lane);
  }

  down(from: Pipeline): void {
    for (const lane of this.#lanes.values()) {
      if (lane.look?.on !== from) continue;
      lane.look = undefined;
      this.#advance(lane);
    }
  }

  /** The server has forgotten a script: what is on its way may be refused as well, and must not be overtaken. */
  forgotten(from: Pipeline): void {
    for (const key of from.keys) this.#openLane(key, from);
  }

  // What the router says

  /** Another server has these keys now. What is on its way for them comes first. */
  moved(from: Pipeline, isMoved: (key: string) => boolean): void {
    for (const key of from.keys) if (isMoved(key)) this.#openLane(key, from);
  }

  /** Whether there is a key with which something is wrong. */
  get isTroubled(): boolean {
    return this.#lanes.size > 0;
  }

  #dispatch(pending: Pending): void {
    const { key } = pending.command;
    const pipeline = this.#router.route(key);
    if (pipeline) pipeline.push(pending);
    else this.#openLane(key).add(pending);
  }

  /** The lane of a key. A new one takes what waits for the key in the pipeline. */
  #openLane(key: string, from?: Pipeline): Lane {
    const known = this.#lanes.get(key);
    if (known) return known;
    const lane = new Lane(key, from?.countInFlight(key) ?? 0);
    this.#lanes.set(key, lane);
    for (const pending of from?.takeWaiting((other) => other === key) ?? []) lane.add(pending);
    return lane;
  }

  /** All is well again. */
  #release(lane: Lane): void {
    this.#lanes.delete(lane.key);
    for (const pending of lane.takeAll()) this.#dispatch(pending);
  }

  #advance(lane: Lane): void {
    if (lane.isBusy || this.#isClosed || this.#lanes.get(lane.key) !== lane) return;
    const { head } = lane;
    if (!head) {
      this.#lanes.delete(lane.key);
      return;
    }
    const pipeline = head.askNode ? this.#router.to(head.askNode) : this.#router.route(lane.key);
    if (!pipeline?.isUp) {
      pipeline?.open();
      return;
    }
    const inDoubt = lane.inDoubt;
    for (const pending of inDoubt) {
      if (!pending.command.emit?.isOnce) continue;
      pending.state = "waiting";
      pending.isDoubtful = true;
    }
    if (inDoubt.some(({ state }) => state === "inDoubt")) {
      void this.#settle(lane, pipeline);
      return;
    }
    lane.remove(head);
    lane.inFlight++;
    lane.probe = head;
    pipeline.push(head);
  }

  /** Looks once into the log for all who are in doubt. */
  async #settle(lane: Lane, pipeline: Pipeline): Promise<void> {
    const look = { on: pipeline };
    lane.look = look;
    const pendings = lane.inDoubt;
    const isFenced = await pipeline.isFenced;
    let reply: unknown;
    let refusal: unknown;
    try {
      reply = await pipeline.ask("EVAL", settleArgs(lane.key, pendings, this.#context.clock.now()));
    } catch (error) {
      refusal = error ?? new Error("no reason given");
    }
    // Else the connection was lost meanwhile, and the next one is asked.
    if (lane.look !== look || (reply === undefined && refusal === undefined)) return;
    lane.look = undefined;
    if (refusal !== undefined && (this.#router.refused(lane.key, refusal) || isDeferrable(refusal))) {
      this.#pause(lane);
      return;
    }
    const settled = readSettled(reply, pendings, this.#context.clock.now());
    for (const [at, pending] of pendings.entries()) {
      const one = settled[at] as Settled;
      if (one.kind === "absent" && isFenced) {
        pending.state = "waiting";
        continue;
      }
      lane.remove(pending);
      if (one.kind === "stored") pending.resolve(one.id);
      else this.#giveUp(pending, "the connection was lost before the reply, and the log does not tell whether it was stored");
    }
    this.#advance(lane);
  }

  #pause(lane: Lane): void {
    const { clock } = this.#context;
    const ceiling = Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS * 2 ** Math.min(lane.refusals, 10));
    clock.clearTimeout(lane.pause);
    lane.pause = clock.setTimeout(
      () => {
        lane.pause = undefined;
        this.#advance(lane);
      },
      Math.ceil(ceiling * (0.5 + clock.random() / 2)),
    );
  }

  #expire(pending: Pending): void {
    const { attempt, timeoutMs, key } = pending.command;
    pending.place?.remove(pending);
    if (pending.state === "sent") this.#giveUp(pending, `there was no reply within ${timeoutMs} ms`);
    else if (pending.state === "inDoubt") this.#giveUp(pending, LOST);
    else if (pending.refusal !== undefined) this.#fail(pending, refusedError(attempt, pending.refusal));
    else this.#fail(pending, unsentError(attempt, `it was not sent within ${timeoutMs} ms`, this.#router.reason(key)));
    // One that waits for nobody goes.
    const lane = this.#lanes.get(key);
    if (lane) this.#advance(lane);
  }

  /** @param error which says that it was not executed the last time */
  #fail(pending: Pending, error: TidingsError): void {
    if (pending.isDoubtful) this.#giveUp(pending, LOST);
    else pending.reject(error);
  }

  #giveUp(pending: Pending, why: string): void {
    pending.reject(unansweredError(pending.command.attempt, why));
  }

  readonly #settled = (pending: Pending): void => {
    this.#deadlines.remove(pending);
    this.#forgetUnsent(pending);
  };

  #forgetUnsent(pending: Pending): void {
    if (this.#unsent.delete(pending)) this.#unsentBytes -= pending.command.bytes;
  }
}

const CLOSED = "the broker was closed before the reply";
const LOST = "the connection was lost before the reply";
