/**
 * The connection as a pure state machine: each state lists what it does about which event, and a state that is missing does not
 * compile. It opens at most two streams: `current`, which the listeners hear, and `next`, which takes its place once it is joined. A stream that
 * ended by itself is gone before the machine hears of it.
 */

export type StateName =
  /** Nobody wants a channel. */
  | "idle"
  /** Channels were just asked for: a moment is waited for more of them. */
  | "gathering"
  /** The first stream, or the one after a loss, is opening. */
  | "opening"
  /** A stream is joined. The timer may be set for its successor. */
  | "open"
  /** A stream is joined, and its successor is opening. */
  | "moving"
  /** The stream was lost; the timer is set for the next attempt. */
  | "waiting"
  /** The server refused, and would refuse again. A stream that was open before stays for as long as it lasts. */
  | "refused";

export interface MachineState {
  readonly name: StateName;
  /** Attempts that have failed since a stream was last stable. */
  readonly attempt: number;
  /** Since when there was always a stream, unless an attempt has failed since. */
  readonly joinedAt?: number | undefined;
  /** What the timer was set to, while it is to replace a stream that is open. */
  readonly delayMs?: number;
  /** Whether the time of the next attempt stands: the server has set it, or it was made sooner already. */
  readonly patient?: boolean;
}

export type MachineEvent =
  /** Another stream is needed than the one that there is. One that is opening is let open first. */
  | readonly ["change", delayMs: number]
  /** The timer fired. */
  | readonly ["due", need: Need]
  /** The next stream has joined its channels. */
  | readonly ["joined"]
  /** The next stream ended, or never came about; `retryAfterMs` is `Infinity` when the server would answer the same again. */
  | readonly ["nextLost", retryAfterMs: number]
  | readonly ["currentLost"]
  /** The page is back: visible, online, or awake. */
  | readonly ["wake"];

/** What the listeners need: no stream at all, the one that there is, or another one. */
export type Need = "none" | "same" | "stream";

export type Effect =
  /** Opens the next stream, from the listeners' cursors, in place of one that is opening. */
  | "open"
  /** The next stream, if there is one, takes the place of the current one, which is closed. */
  | "promote"
  /** Closes the current stream. */
  | "drop"
  /** Sets the timer, of which there is one, in milliseconds, `Infinity` for never. */
  | number;

/** What holds when an event happens. */
export interface World {
  readonly now: number;
  /** A number in [0, 1). */
  readonly random: number;
  readonly maxReconnectAttempts: number;
}

export type Transition = readonly [after: MachineState, ...effects: Effect[]];

/** A stream that lived this long has proved that the server is well. */
const STABLE_MS = 5_000;
/** Two streams at once for at most this long: HTTP/1.1 has six connections per host. */
const OVERLAP_MS = 3_000;
const MAX_RETRY_AFTER_MS = 300_000;
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;
/** What wakes this page wakes others in the same moment. */
const WAKE_SPREAD_MS = 1_000;
const NEVER = Infinity;

type EventType = MachineEvent[0];
/** @param detail what the event says beside its type */
type Handler<E extends EventType> = (
  state: MachineState,
  detail: Extract<MachineEvent, readonly [E, ...unknown[]]>[1],
  world: World,
) => Transition;
type Table = { readonly [S in StateName]: { readonly [E in EventType]?: Handler<E> } };

const gather: Handler<"change"> = (state, delayMs) => [{ ...state, name: "gathering" }, delayMs];
const open = (state: MachineState): Transition => [{ ...state, name: "opening" }, "open"];
const joined: Handler<"joined"> = (state, _, { now }) => [{ joinedAt: now, ...state, name: "open" }, "promote", NEVER];

/** Full jitter: anywhere between now and a ceiling that doubles. That a stream was opened proves nothing; that it lasted does. */
const lost =
  (name: "open" | "waiting") =>
  (state: MachineState, retryAfterMs = 0, { now, random, maxReconnectAttempts }: World): Transition => {
    const { joinedAt = now } = state;
    const attempt = now - joinedAt < STABLE_MS ? state.attempt : 0;
    if (retryAfterMs === NEVER || (name === "waiting" && attempt >= maxReconnectAttempts))
      return [{ ...state, name: "refused", attempt: 0 }, NEVER];
    const patient = retryAfterMs > 0;
    return [
      { name, attempt: attempt + 1, patient },
      patient
        ? Math.min(MAX_RETRY_AFTER_MS, retryAfterMs) + random * WAKE_SPREAD_MS
        : random * Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt),
    ];
  };

/** What a state does not list belongs to a stream or a timer that it does not have. */
const TABLE: Table = {
  idle: { change: gather },
  // The first of many changes sets the time: changes that never end must not keep everyone waiting.
  gathering: { due: open },
  opening: {
    // For the same reason it may open, unless it takes too long.
    change: (state) => [state, OVERLAP_MS],
    due: open,
    joined,
    nextLost: lost("waiting"),
  },
  open: {
    // The earliest: changes that never end must not keep everyone waiting here either.
    change: (state, delayMs) => ((state.delayMs as number) <= delayMs ? [state] : [{ ...state, delayMs }, delayMs]),
    due: ({ delayMs: _over, ...state }, need) =>
      need === "same" ? [state] : [{ ...state, name: "moving" }, "open", OVERLAP_MS],
    currentLost: lost("waiting"),
  },
  moving: {
    // The successor takes too long: perhaps it waits for the place of its predecessor.
    due: (state) => [{ ...state, name: "opening" }, "drop"],
    joined,
    nextLost: lost("open"),
    currentLost: (state) => [{ ...state, name: "opening" }, NEVER],
  },
  // Components that come and go must not hurry a server that is ill.
  waiting: {
    due: open,
    wake: (state, _, { random }) => (state.patient ? [state] : [{ ...state, patient: true }, random * WAKE_SPREAD_MS]),
  },
  refused: { change: gather },
};

export const INITIAL: MachineState = { name: "idle", attempt: 0 };

/** What becomes of `state` when `event` happens, and what is to be done about it. */
export function transition(state: MachineState, [type, detail]: MachineEvent, world: World): Transition {
  // The next one takes the place of the current one, and so both are closed.
  if (detail === "none") return [INITIAL, NEVER, "promote", "drop"];
  // The table pairs each event type with its own handler; TypeScript cannot follow that through an index.
  const handler = TABLE[state.name][type] as Handler<EventType> | undefined;
  return handler?.(state, detail, world) ?? [state];
}
