import { isTidingsError, TidingsError, type EventName } from "../index.ts";
import { refuseUnknownOptions } from "../protocol/unknown-options.ts";
import { emitOnce } from "../runs/emit-once.ts";
import type { RunChannels } from "../runs/events.ts";
import { reportTo } from "../runs/report.ts";
import { jobChannel } from "./job-channel.ts";
import type { QueueEvent, QueueEventKind, QueueEventsLike, ToldByBullMQ } from "./queue-events.ts";

/** Which event of the schema tells of a kind of event of the queue; `false` for none. */
type Name<O, Default extends string> =
  Default extends EventName<O>
    ? { readonly [K in Default as KindOf<K>]?: EventName<O> | false | undefined }
    : SchemaHasNoJobEvent<O, Default>;

type KindOf<Default extends string> = Default extends `job.${infer Kind}` ? Kind : never;

/** The schema has no such event: declare it, name another one, or say `false`. Compilers print the name of this type. */
export type SchemaHasNoJobEvent<O, Default extends string> = { readonly [K in Default as KindOf<K>]: EventName<O> | false };

/** Options of {@link bridgeQueueEvents}. Names of events are those of the schema of `realtime`. */
export type BridgeOptions<O> = Name<O, "job.progress"> &
  Name<O, "job.completed"> &
  Name<O, "job.failed"> & {
    /** Where the events of jobs go. */
    readonly realtime: RunChannels<O>;
    /**
     * A `QueueEvents` of BullMQ, made with `lastEventId: recentEvents()`, so that a restart misses nothing. It stays yours to close, after
     * the bridge.
     */
    readonly queueEvents: QueueEventsLike;
    /** The channel of a job. @default `jobChannel(queue, jobId)`, that is `job:<queue>:<job id>` */
    readonly channel?: ((event: QueueEvent) => string) | undefined;
    /** The event of a job that waits for a worker, `{ jobId }`. @default none */
    readonly waiting?: EventName<O> | undefined;
    /** The event of a job that a worker has begun with, `{ jobId }`. @default none */
    readonly active?: EventName<O> | undefined;
    /** The event of a job whose worker was lost, `{ jobId }`. @default none */
    readonly stalled?: EventName<O> | undefined;
    /**
     * What pages see of an event.
     *
     * @default `{ jobId, progress }`, `{ jobId, result }`, else `{ jobId }`: why a job failed is not for everybody
     */
    readonly data?: ((event: QueueEvent) => unknown) | undefined;
    /** Is told of an event that is not stored: its payload was refused, or too many waited for the log to come back. @default console.error */
    readonly onError?: ((error: Error, event: QueueEvent) => void) | undefined;
  };

const OPTIONS: Readonly<Record<string, true>> = {
  realtime: true,
  queueEvents: true,
  channel: true,
  waiting: true,
  active: true,
  progress: true,
  stalled: true,
  completed: true,
  failed: true,
  data: true,
  onError: true,
};

const DEFAULTS: Readonly<Partial<Record<QueueEventKind, string>>> = {
  progress: "job.progress",
  completed: "job.completed",
  failed: "job.failed",
};

const KINDS: readonly QueueEventKind[] = ["waiting", "active", "progress", "stalled", "completed", "failed"];

/** Events that wait behind the one that is being stored. */
const MAX_WAITING = 10_000;
const RETRY_MS = 1_000;

/** A bridge that stands. */
export interface Bridge extends AsyncDisposable {
  /** Stops listening, and resolves when the event that is being stored has settled. Events that wait are not stored. */
  close(): Promise<void>;
}

/**
 * Tells of the jobs of a BullMQ queue: each event of the queue is stored once, in the queue's order, however many processes stand a
 * bridge. While the log cannot be reached, up to 10,000 events wait for it.
 *
 * @throws TidingsError `bad_option`
 */
export function bridgeQueueEvents<O>(options: BridgeOptions<O>): Bridge {
  if (typeof options !== "object" || options === null || typeof options.realtime?.channel !== "function") {
    throw new TidingsError("bad_option", "`bridgeQueueEvents` takes { realtime, queueEvents }; it got no `Realtime`.");
  }
  refuseUnknownOptions("`bridgeQueueEvents`", options, OPTIONS);
  const { realtime, queueEvents } = options;
  if (typeof queueEvents?.on !== "function") {
    throw new TidingsError(
      "bad_option",
      "`bridgeQueueEvents` takes { realtime, queueEvents }; it got no `QueueEvents` of BullMQ.",
    );
  }
  const names = options as { readonly [K in QueueEventKind]?: string | false };
  const channelOf = options.channel ?? (({ jobId }: QueueEvent) => jobChannel(queueEvents.name, jobId));
  const dataOf = options.data ?? shown;
  const report = reportTo(
    options.onError,
    ({ kind, jobId }: QueueEvent) => `"${kind}" of job ${jobId} of the queue "${queueEvents.name}"`,
  );

  const waiting: Array<{ readonly name: string; readonly event: QueueEvent }> = [];
  let storing: Promise<void> | undefined;
  let isClosed = false;
  let wake = (): void => {};

  const listeners = KINDS.flatMap((kind) => {
    const name = names[kind] ?? DEFAULTS[kind];
    if (name === undefined || name === false) return [];
    const listener = (told: ToldByBullMQ, id: string): void => take(name, { kind, id, ...saidOf(told) });
    queueEvents.on(kind, listener);
    return [{ kind, listener }];
  });

  function take(name: string, event: QueueEvent): void {
    if (waiting.length >= MAX_WAITING) {
      const dropped = waiting.shift();
      if (dropped)
        report(
          new TidingsError("not_stored", `${MAX_WAITING} events wait for the log, so the oldest was dropped.`),
          dropped.event,
        );
    }
    waiting.push({ name, event });
    storing ??= storeAll();
  }

  async function storeAll(): Promise<void> {
    while (!isClosed) {
      // Taken out, so that it is not dropped while it is being stored.
      const next = waiting.shift();
      if (!next) break;
      while (!isClosed && !(await isSettled(next.name, next.event))) await pause();
    }
    storing = undefined;
  }

  /** Stores an event, or says that it never will be. `false`: not now. */
  async function isSettled(name: string, event: QueueEvent): Promise<boolean> {
    try {
      const id = [queueEvents.name, event.id];
      await emitOnce(realtime, { channel: channelOf(event), event: name, data: dataOf(event), id });
    } catch (error) {
      if (isTidingsError(error) && error.retryable) return false;
      report(error as Error, event);
    }
    return true;
  }

  function pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, RETRY_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async function close(): Promise<void> {
    isClosed = true;
    for (const { kind, listener } of listeners) queueEvents.off(kind, listener);
    wake();
    await storing;
    waiting.length = 0;
  }
  return { close, [Symbol.asyncDispose]: close };
}

function saidOf({ jobId, data, returnvalue, failedReason }: ToldByBullMQ): Omit<QueueEvent, "kind" | "id"> {
  return {
    jobId,
    ...(data !== undefined && { progress: data }),
    ...(returnvalue !== undefined && { result: returnvalue }),
    ...(failedReason !== undefined && { failedReason }),
  };
}

function shown({ kind, jobId, progress, result }: QueueEvent): object {
  if (kind === "progress") return { jobId, progress };
  return kind === "completed" ? { jobId, result } : { jobId };
}
