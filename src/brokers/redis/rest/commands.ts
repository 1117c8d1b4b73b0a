import type { TidingsError } from "../../../protocol/error.ts";
import { Deadlines } from "../connections/deadlines.ts";
import { Pending } from "../connections/pending.ts";
import type { OutageLog } from "../connections/outage.ts";
import { closedError, isDeferrable, refusedError, unansweredError, unsentError } from "../failures.ts";
import { parseAppended } from "../replies.ts";
import { readSettled, settleArgs, type Settled } from "../settle.ts";
import type { RedisCommand, TransportContext } from "../transport.ts";
import type { Announcements } from "./announcements.ts";
import type { Endpoint, RestAnswer, RestCommand, RestReply } from "./endpoint.ts";
import fence from "./fence.lua";
import { RestLane, type Shipment } from "./lane.ts";

/** What may wait here while the service cannot be reached, or is slower than we are. */
const MAX_WAITING = 10_000;
const MAX_WAITING_BYTES: number = 32 * 1024 * 1024;
/** Requests in flight, without the streams: each takes a connection. */
const MAX_REQUESTS = 32;
/** Of the time that a command has, the part that a request may take before its outcome is looked for: that takes time, too. */
const REQUEST_SHARE = 0.6;
const MIN_REQUEST_MS = 250;
const MAX_REQUEST_MS = 10_000;
/** What a slow network may add to that: a second for each of so many bytes. */
const BYTES_PER_SECOND: number = 256 * 1024;
/** How long a look into the log may take. */
const SETTLE_MS = 2_000;
const MIN_PAUSE_MS = 50;
const MAX_PAUSE_MS = 2_000;
/** For so long a request may lie about somewhere before it is executed. */
const FENCE_MS = 300_000;
const UNKNOWN: Settled = { kind: "unknown" };

/** What {@link RestCommands} works with. */
export interface RestCommandsOptions {
  readonly context: TransportContext;
  readonly endpoint: Endpoint;
  readonly outages: OutageLog;
  readonly announcements: Announcements;
}

/**
 * Sends the commands of one process, one request per key at a time: those of one key in call order, each stored at most once. What waits
 * for a key when its request returns goes out together. Settles each command exactly once and in time.
 */
export class RestCommands {
  readonly #options: RestCommandsOptions;
  readonly #deadlines: Deadlines;
  readonly #lanes = new Map<string, RestLane>();
  /** Lanes that could send, were there not too many requests. */
  readonly #ready = new Set<RestLane>();
  #requests = 0;
  #waiting = 0;
  #waitingBytes = 0;
  #count = 0;
  #isClosed = false;

  constructor(options: RestCommandsOptions) {
    this.#options = options;
    this.#deadlines = new Deadlines(options.context.clock, (pending) => this.#expire(pending));
  }

  /** Resolves with the reply. Rejects with a `TidingsError`, within `timeoutMs`. */
  send(command: RedisCommand): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) {
        reject(closedError(command.attempt.address));
        return;
      }
      // An empty queue takes anything.
      if (this.#waiting > 0 && (this.#waiting >= MAX_WAITING || this.#waitingBytes + command.bytes > MAX_WAITING_BYTES)) {
        reject(unsentError(command.attempt, "too much is waiting to be sent"));
        return;
      }
      const calledAt = this.#options.context.clock.now();
      const pending = new Pending(command, { number: ++this.#count, calledAt, resolve, reject, settled: this.#settled });
      this.#deadlines.add(pending);
      this.#waiting++;
      this.#waitingBytes += command.bytes;
      const lane = this.#laneOf(command.key);
      lane.queue.push(pending);
      // Not at once: what is sent in the same turn goes out together.
      if (lane.queue.length === 1) queueMicrotask(() => this.#advance(lane));
    });
  }

  /** Announces the last entry of a log with a command of its own. It is told without the entry, which those who listen read. */
  ring(key: string, live: string, id: string): void {
    if (this.#isClosed) return;
    const lane = this.#laneOf(key);
    lane.bell = ["PUBLISH", live, `${id} ${id}`];
    queueMicrotask(() => this.#advance(lane));
  }

  /** Settles everything. Requests end with the endpoint. */
  close(): void {
    this.#isClosed = true;
    for (const lane of this.#lanes.values()) {
      this.#options.context.clock.clearTimeout(lane.pause);
      const sent = lane.shipment?.items.map(({ pending }) => pending) ?? [];
      for (const pending of [...sent, ...lane.queue]) {
        const { attempt, emit } = pending.command;
        const isUnknown = emit && (pending.state === "sent" || pending.state === "inDoubt");
        const why = "the broker was closed before the reply";
        pending.reject(isUnknown ? unansweredError(attempt, why) : closedError(attempt.address));
      }
    }
    this.#lanes.clear();
    this.#ready.clear();
    this.#options.outages.forget(this);
  }

  #laneOf(key: string): RestLane {
    let lane = this.#lanes.get(key);
    if (!lane) this.#lanes.set(key, (lane = new RestLane(key)));
    return lane;
  }

  #advance(lane: RestLane): void {
    if (lane.isBusy || this.#lanes.get(lane.key) !== lane) return;
    if (lane.isEmpty) {
      this.#lanes.delete(lane.key);
      return;
    }
    if (this.#requests >= MAX_REQUESTS) {
      this.#ready.add(lane);
      return;
    }
    void (lane.doubts.size > 0 ? this.#settle(lane) : this.#ship(lane));
  }

  /** One request; the lane is busy meanwhile, and pauses when it failed. `undefined` when all was closed. */
  async #request(lane: RestLane, commands: readonly RestCommand[], timeoutMs: number): Promise<RestAnswer | undefined> {
    this.#requests++;
    lane.isSending = true;
    const answer = await this.#options.endpoint.post(commands, timeoutMs);
    lane.isSending = false;
    this.#requests--;
    if (this.#isClosed) return undefined;
    if (answer.kind === "replies" || answer.kind === "refused") {
      this.#options.outages.up(this);
    } else {
      lane.reason = answer.error;
      // One may be lost on any way. Two in a row are worth a word.
      if (lane.failures > 0) this.#options.outages.down(this, answer.error);
      this.#pause(lane, answer.kind === "unsent" ? answer.waitMs : undefined);
    }
    const [next] = this.#ready;
    if (next) {
      this.#ready.delete(next);
      queueMicrotask(() => this.#advance(next));
    }
    return answer;
  }

  async #ship(lane: RestLane): Promise<void> {
    const shipment = lane.load(this.#options.context.clock.now());
    const { items, bell, bytes } = shipment;
    const commands = items.map(({ pending, fence }) => asSent(pending.command, fence));
    const patience = Math.max(MIN_REQUEST_MS, ...items.map(({ pending }) => pending.command.timeoutMs * REQUEST_SHARE));
    const timeoutMs = Math.min(patience, MAX_REQUEST_MS) + (bytes / BYTES_PER_SECOND) * 1_000;
    const answer = await this.#request(lane, bell ? [...commands, bell] : commands, timeoutMs);
    lane.shipment = undefined;
    switch (answer?.kind) {
      case undefined:
        return;
      case "replies":
        this.#answered(lane, shipment, answer.replies);
        break;
      case "refused":
        for (const { pending } of items) fail(pending, refusedError(pending.command.attempt, answer.error));
        break;
      case "unsent":
        lane.unload(shipment);
        break;
      case "lost":
        lane.lose(shipment);
    }
    this.#advance(lane);
  }

  #answered(lane: RestLane, { items, sentAt }: Shipment, replies: readonly RestReply[]): void {
    const again: Pending[] = [];
    for (const [at, { pending }] of items.entries()) {
      const reply = replies[at] as RestReply;
      if (!("error" in reply)) {
        pending.resolve(reply.value);
        this.#consider(pending.command, reply.value, sentAt);
        continue;
      }
      pending.state = "refused";
      pending.refusal = reply.error;
      if (!pending.isSettled && isDeferrable(reply.error)) again.push(pending);
      else fail(pending, refusedError(pending.command.attempt, reply.error));
    }
    lane.queue.unshift(...again);
    if (again.length > 0) this.#pause(lane);
    else lane.failures = 0;
  }

  /** Whether the service tells its streams of what was stored is not known beforehand. */
  #consider({ attempt, emit, key }: RedisCommand, reply: unknown, sentAt: number): void {
    // A repeated emit with an id of the caller's own was announced long ago.
    if (!emit || emit.isOnce) return;
    const appended = parseAppended(reply);
    if (!appended || appended.publishError !== undefined) return;
    const { context, announcements } = this.#options;
    announcements.stored({ key, live: context.names.liveOf(attempt.channel), id: appended.id, sentAt });
  }

  /** Finds out, for those whose answer was lost, whether they are in the log, and sees to it that they will not be later. */
  async #settle(lane: RestLane): Promise<void> {
    const { clock } = this.#options.context;
    const inDoubt = [...lane.doubts.keys()];
    const fencing = [...lane.doubts.values()].map((fence): RestCommand => ["SET", fence, "1", "PX", String(FENCE_MS)]);
    const look: RestCommand = ["EVAL", ...settleArgs(lane.key, inDoubt, clock.now())];
    const answer = await this.#request(lane, [...fencing, look], SETTLE_MS);
    if (answer?.kind === "replies") {
      const { value, error } = lookedUp(answer.replies);
      if (error && isDeferrable(error)) {
        this.#pause(lane);
      } else {
        const settled = readSettled(value, inDoubt, clock.now());
        for (const [at, pending] of inDoubt.entries()) {
          const isFenced = !("error" in (answer.replies[at] as RestReply));
          settleOne(lane, pending, settled[at]?.kind === "absent" && !isFenced ? UNKNOWN : settled[at]);
        }
      }
    } else if (answer?.kind === "refused") {
      for (const pending of inDoubt) settleOne(lane, pending, UNKNOWN);
    }
    if (answer) this.#advance(lane);
  }

  #pause(lane: RestLane, waitMs?: number): void {
    const { clock } = this.#options.context;
    const ceiling = Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS * 2 ** Math.min(lane.failures++, 10));
    clock.clearTimeout(lane.pause);
    lane.pause = clock.setTimeout(
      () => {
        lane.pause = undefined;
        this.#advance(lane);
      },
      Math.max(waitMs ?? 0, Math.ceil(ceiling * (0.5 + clock.random() / 2))),
    );
  }

  readonly #settled = (pending: Pending): void => {
    this.#deadlines.remove(pending);
    this.#waiting--;
    this.#waitingBytes -= pending.command.bytes;
  };

  #expire(pending: Pending): void {
    const { attempt, timeoutMs, key } = pending.command;
    const lane = this.#lanes.get(key);
    lane?.remove(pending);
    if (pending.state === "sent") {
      pending.reject(unansweredError(attempt, `there was no reply within ${timeoutMs} ms`));
    } else if (pending.state === "inDoubt") {
      pending.reject(unansweredError(attempt, "the reply was lost"));
    } else if (pending.refusal !== undefined) {
      fail(pending, refusedError(attempt, pending.refusal));
    } else {
      fail(pending, unsentError(attempt, `it was not sent within ${timeoutMs} ms`, lane?.reason));
    }
  }
}

/** @param error which says that it was not executed the last time */
function fail(pending: Pending, error: TidingsError): void {
  const { attempt } = pending.command;
  pending.reject(pending.isDoubtful ? unansweredError(attempt, "the reply was lost") : error);
}

function settleOne(lane: RestLane, pending: Pending, settled: Settled = UNKNOWN): void {
  lane.doubts.delete(pending);
  // An entry that an earlier emit with the same id has stored carries that one's mark. To send it again is harmless.
  const isRepeatable = settled.kind === "unknown" && pending.command.emit?.isOnce;
  if (settled.kind === "absent" || isRepeatable) {
    // If absent, nobody will ever find it there.
    pending.state = "waiting";
    pending.isDoubtful ||= isRepeatable === true;
    return;
  }
  lane.remove(pending);
  if (settled.kind === "stored") pending.resolve(settled.id);
  else
    pending.reject(
      unansweredError(pending.command.attempt, "the reply was lost, and the log does not tell whether it was stored"),
    );
}

/** What the last of the replies says. */
function lookedUp(replies: readonly RestReply[]): { readonly value?: unknown; readonly error?: Error } {
  const look = replies.at(-1) ?? { error: new Error("no reply") };
  if ("error" in look || Array.isArray(look.value)) return look;
  return { error: new Error("a reply that makes no sense") };
}

/** @param fenceKey keeps the command from being executed once that key exists */
function asSent({ name, args }: RedisCommand, fenceKey: string | undefined): RestCommand {
  if (fenceKey === undefined) return [name, ...args];
  const [script = "", ...rest] = args;
  return [name, `${fence}\n${script}`, ...rest, fenceKey];
}
