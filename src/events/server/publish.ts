import { TidingsError, type Realtime } from "../../index.ts";
import { isEventName } from "../../protocol/names.ts";
import { refuseUnknownOptions } from "../../protocol/unknown-options.ts";
import { CHANNEL_NAME, GLOBAL, logOfChannel } from "../logs.ts";
import { logOfUser } from "./user-log.ts";

/** Options of one publish. */
export interface PublishOptions {
  /**
   * Your own id for what happened, new for each change: 1 to 128 printable ASCII characters. For five minutes a second publish to the
   * same user or channel with it stores nothing, so that trying again is safe; after that it is shown again. Whoever reads several
   * users' and channels' events is shown it once. @default one for all publishes of the same object in one turn
   */
  readonly id?: string | undefined;
}

/** Publishes events; `E` is what can be published. */
export interface Publish<E> {
  /**
   * To one user, in all their tabs and devices. Resolves when the event is stored.
   *
   * @throws TidingsError `bad_channel` for an id that is empty or too long, `bad_event` for the event, and what `emit` rejects with
   */
  publishToUser(userId: string, event: E, options?: PublishOptions): Promise<void>;
  /** To everybody who reads a channel. @throws TidingsError as `publishToUser` */
  publishToChannel(channel: string, event: E, options?: PublishOptions): Promise<void>;
  /** To everybody who is connected. @throws TidingsError as `publishToUser` */
  broadcast(event: E, options?: PublishOptions): Promise<void>;
}

/** Where a type names the frame on the wire, an `EventSource` takes these for something else. */
const TAKEN: ReadonlySet<string> = new Set(["connected", "error", "gap", "open", "position", "problem", "reconnect"]);
/** The type of an event that has none, where its channel has none to give: how an `EventSource` calls it. */
const NO_TYPE = "message";

export function createPublish(realtime: Realtime): Publish<{ readonly type: string }> {
  const notices = new Notices();

  function publish(log: string, given: unknown, options: PublishOptions = {}): Promise<unknown> {
    if (typeof options !== "object" || options === null)
      throw new TidingsError("bad_option", "publishing takes { id } after the event; it got something else.");
    refuseUnknownOptions("publishing", options, { id: true });
    const event = checkEvent(given, log);
    const { id } = options;
    // The id of the emit makes trying again safe; one that is made up here would not be the same the next time.
    return realtime
      .channel(log)
      .emit(event.type, { id: id ?? notices.idOf(given as object, log), event }, id === undefined ? undefined : { id });
  }

  // In the turn of the call, of which those that belong together are told.
  return {
    async publishToUser(userId, event, options) {
      await publish(logOfUser(userId), event, options);
    },
    async publishToChannel(channel, event, options) {
      const log = logOfChannel(channel);
      if (log === undefined) {
        throw new TidingsError(
          "bad_channel",
          `${JSON.stringify(channel) ?? typeof channel} is not a channel name: ${CHANNEL_NAME}.`,
        );
      }
      await publish(log, event, options);
    },
    async broadcast(event, options) {
      await publish(logOfChannel(GLOBAL) as string, event, options);
    },
  };
}

/** @throws TidingsError `bad_event` */
function checkEvent(event: unknown, log: string): { readonly type: string } {
  if (typeof event !== "object" || event === null || Array.isArray(event)) {
    throw new TidingsError(
      "bad_event",
      `an event is an object with a \`type\`, such as { type: "booking_update", … }; it got ${event === null ? "null" : Array.isArray(event) ? "an array" : typeof event}.`,
    );
  }
  const { type } = event as { readonly type?: unknown };
  if (type === undefined) return { ...event, type: typeOf(log) };
  if (typeof type === "string" && TAKEN.has(type)) {
    throw new TidingsError(
      "bad_event",
      `an event cannot have the type "${type}": on the stream, an EventSource would take it for something else. Call it otherwise, such as "${type}_event".`,
    );
  }
  // What else is wrong with a type that is a text, `emit` says.
  if (typeof type === "string") return event as { readonly type: string };
  throw new TidingsError("bad_event", `\`type\` of an event is a text; it got ${type === null ? "null" : typeof type}.`);
}

/** Of an event without one: the second part of where it goes. */
function typeOf(log: string): string {
  const [, part = ""] = log.split(":");
  return isEventName(part) && !TAKEN.has(part) ? part : NO_TYPE;
}

/** Publishes that are one notice. */
interface OpenNotice {
  readonly id: string;
  /** Of the event, which its object may no longer be. */
  readonly text: string | undefined;
  readonly logs: Set<string>;
}

/** Ids for events that were given none. */
class Notices {
  readonly #open = new WeakMap<object, OpenNotice>();

  /**
   * The same for all publishes of one object within one turn, as `Promise.all([publishToUser(…), publishToChannel(…)])` makes them. To
   * a log that has it already it is another notice; so it is when the object was changed in between, and in a later turn, for a
   * constant may be published again and again.
   */
  idOf(event: object, log: string): string {
    const text = textOf(event);
    let notice = this.#open.get(event);
    if (!notice || notice.text !== text || notice.logs.has(log)) {
      const made: OpenNotice = { id: crypto.randomUUID(), text, logs: new Set<string>() };
      notice = made;
      this.#open.set(event, made);
      queueMicrotask(() => {
        if (this.#open.get(event) === made) this.#open.delete(event);
      });
    }
    notice.logs.add(log);
    return notice.id;
  }
}

/** `undefined` for what is no JSON, which `emit` refuses. */
function textOf(event: object): string | undefined {
  try {
    return JSON.stringify(event);
  } catch {
    return undefined;
  }
}
