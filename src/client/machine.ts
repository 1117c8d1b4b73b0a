/**
 * The connection as a pure state machine: every state meets every event, and a case that is missing does not compile. It opens
 * at most two streams: `current`, which the listeners hear, and `next`, which takes its place once it is joined.
 */

export type StateName =
  /** Nobody wants a channel. */
  | "idle"
  /** Channels were just asked for: a moment is waited for more of them. */
  | "gathering"
  /** The first stream, or the one after a loss, is opening. */
  | "opening"
  /** A stream is joined. A timer may be planned that opens its successor. */
  | "open"
  /** A stream is joined, and its successor is opening. */
  | "moving"
  /** The stream was lost; the next attempt is planned. */
  | "waiting"
  /** The server refused, and would refuse again. */
  | "refused";

export interface MachineState {
  readonly name: StateName;
  /** Attempts that have failed since a stream was last stable. */
  readonly attempt: number;
}

export type MachineEvent =
  /** What the listeners want has changed. */
  | { readonly type: "change" }
  /** The connect timer fired. `need`: no stream at all, the one there is (or is opening), or another one. */
  | { readonly type: "due"; readonly need: "none" | "same" | "stream" }
  /** The next stream has joined its channels. */
  | { readonly type: "joined" }
  /** The next stream ended, or never came about. */
  | { readonly type: "nextLost"; readonly retryAfterMs: number }
  | { readonly type: "nextRefused" }
  | { readonly type: "currentLost" }
  /** The server ends the current stream soon. */
  | { readonly type: "reconnect"; readonly delayMs: number }
  /** The stream has been up for a while. */
  | { readonly type: "stable" }
  /** The next stream has been opening for too long beside the current one. */
  | { readonly type: "overdue" }
  /** The page is back: visible, online, or awake. `stale`: the stream has been silent for longer than it should. */
  | { readonly type: "wake"; readonly stale: boolean }
  /** Nobody listens any more. */
  | { readonly type: "close" };

export type TimerName = "connect" | "stable" | "overdue";

export type Effect =
  /** Opens the next stream, from the listeners' cursors. */
  | { readonly type: "open" }
  /** The next stream takes the current one's place, which is closed. */
  | { readonly type: "promote" }
  | { readonly type: "drop"; readonly stream: "current" | "next" }
  | { readonly type: "start"; readonly timer: TimerName; readonly delayMs: number }
  | { readonly type: "stop"; readonly timer: TimerName };

export interface MachineOptions {
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly maxAttempts: number;
}

export interface Transition {
  readonly state: MachineState;
  readonly effects: readonly Effect[];
}

/** Time to gather more changes before a stream is opened. */
export const GATHER_MS = 25;
/** A stream that lived this long has proved that the server is well. */
export const STABLE_MS = 5_000;
/** Two streams at once for at most this long: HTTP/1.1 has six connections per host. */
export const OVERLAP_MS = 3_000;
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;
const WAKE_SPREAD_MS = 1_000;

const OPEN: Effect = { type: "open" };
const PROMOTE: Effect = { type: "promote" };
const DROP_CURRENT: Effect = { type: "drop", stream: "current" };
const DROP_NEXT: Effect = { type: "drop", stream: "next" };
const start = (timer: TimerName, delayMs: number): Effect => ({ type: "start", timer, delayMs });
const stop = (timer: TimerName): Effect => ({ type: "stop", timer });
const STOP_ALL: readonly Effect[] = [stop("connect"), stop("stable"), stop("overdue")];

type Handler<E extends MachineEvent["type"]> = (
  state: MachineState,
  event: Extract<MachineEvent, { type: E }>,
  options: MachineOptions,
) => Transition;
type Table = { readonly [S in StateName]: { readonly [E in MachineEvent["type"]]: Handler<E> } };

function to(name: StateName, attempt: number, ...effects: Effect[]): Transition {
  return { state: { name, attempt }, effects };
}

const stay = (state: MachineState): Transition => ({ state, effects: [] });
const gather = ({ attempt }: MachineState): Transition => to("gathering", attempt, start("connect", GATHER_MS));
const rest = (): Transition => to("idle", 0, ...STOP_ALL, DROP_NEXT, DROP_CURRENT);
const refuse = (): Transition => to("refused", 0, ...STOP_ALL, DROP_NEXT, DROP_CURRENT);

const replan = ({ name, attempt }: MachineState, delayMs: number): Transition => to(name, attempt, start("connect", delayMs));
const move = ({ attempt }: MachineState, ...before: Effect[]): Transition =>
  to("moving", attempt, stop("connect"), ...before, OPEN, start("overdue", OVERLAP_MS));

/** Full jitter: anywhere between now and a ceiling that doubles. */
function delay(attempt: number, retryAfterMs: number, { random }: MachineOptions): number {
  const ceiling = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempt, 10));
  return Math.max(random() * ceiling, Math.min(retryAfterMs, 2 * MAX_RETRY_MS));
}

function wait(attempt: number, retryAfterMs: number, options: MachineOptions, ...effects: Effect[]): Transition {
  if (attempt >= options.maxAttempts) return refuse();
  return to(
    "waiting",
    attempt + 1,
    stop("stable"),
    stop("overdue"),
    ...effects,
    start("connect", delay(attempt, retryAfterMs, options)),
  );
}

/** What most states do not mind: it belongs to a stream or a timer that they do not have. */
const IGNORED = {
  joined: stay,
  nextLost: stay,
  nextRefused: stay,
  currentLost: stay,
  reconnect: stay,
  stable: stay,
  overdue: stay,
  wake: stay,
};

const TABLE: Table = {
  idle: { ...IGNORED, change: gather, due: stay, close: rest },
  gathering: {
    ...IGNORED,
    change: gather,
    due: ({ attempt }, { need }) => (need === "none" ? rest() : to("opening", attempt, OPEN)),
    close: rest,
  },
  opening: {
    ...IGNORED,
    change: (state) => replan(state, GATHER_MS),
    due: (state, { need }) =>
      need === "none" ? rest() : need === "same" ? stay(state) : to("opening", state.attempt, DROP_NEXT, OPEN),
    joined: ({ attempt }) => to("open", attempt, PROMOTE, start("stable", STABLE_MS)),
    nextLost: ({ attempt }, { retryAfterMs }, options) => wait(attempt, retryAfterMs, options, DROP_NEXT),
    nextRefused: refuse,
    close: rest,
  },
  open: {
    change: (state) => replan(state, GATHER_MS),
    due: (state, { need }) => (need === "none" ? rest() : need === "same" ? stay(state) : move(state)),
    joined: stay,
    nextLost: stay,
    nextRefused: stay,
    currentLost: ({ attempt }, _event, options) => wait(attempt, 0, options, DROP_CURRENT),
    reconnect: (state, { delayMs }) => replan(state, delayMs),
    stable: () => to("open", 0),
    overdue: stay,
    wake: (state, { stale }) => (stale ? move(state) : stay(state)),
    close: rest,
  },
  moving: {
    change: (state) => replan(state, GATHER_MS),
    due: (state, { need }) => (need === "none" ? rest() : need === "same" ? stay(state) : move(state, DROP_NEXT)),
    joined: ({ attempt }) => to("open", attempt, PROMOTE, stop("overdue"), start("stable", STABLE_MS)),
    nextLost: ({ attempt }, { retryAfterMs }, options) =>
      to("open", attempt + 1, DROP_NEXT, stop("overdue"), start("connect", delay(attempt, retryAfterMs, options))),
    nextRefused: refuse,
    currentLost: ({ attempt }) => to("opening", attempt, DROP_CURRENT, stop("overdue"), stop("stable")),
    reconnect: stay,
    stable: () => to("moving", 0),
    overdue: ({ attempt }) => to("opening", attempt, DROP_CURRENT, stop("stable")),
    wake: stay,
    close: rest,
  },
  waiting: {
    ...IGNORED,
    change: stay,
    due: ({ attempt }, { need }) => (need === "none" ? rest() : to("opening", attempt, OPEN)),
    wake: (state, _event, { random }) => replan(state, random() * WAKE_SPREAD_MS),
    close: rest,
  },
  refused: { ...IGNORED, change: gather, due: stay, close: rest },
};

export const INITIAL: MachineState = { name: "idle", attempt: 0 };

/** What becomes of `state` when `event` happens, and what is to be done about it. */
export function transition(state: MachineState, event: MachineEvent, options: MachineOptions): Transition {
  // The table pairs each event type with its own handler; TypeScript cannot follow that through an index.
  const handler = TABLE[state.name][event.type] as Handler<MachineEvent["type"]>;
  return handler(state, event as never, options);
}
