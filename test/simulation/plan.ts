/** What a seed stands for: a world, and what happens in it. */
import { Chance } from "./chance.ts";

/** What can happen, with how often it does beside the others. */
const KINDS = {
  emit: 8,
  emitMany: 4,
  storm: 2,
  subscribe: 5,
  unsubscribe: 1,
  channels: 2,
  goOn: 1,
  reload: 1,
  subscribeServer: 2,
  openEventSource: 2,
  closeEventSource: 0.5,
  cut: 3,
  stall: 1,
  slow: 2,
  flow: 2,
  weather: 1,
  fair: 2,
  breakStore: 1,
  healStore: 2,
  deafen: 2,
  halfOpen: 1,
  flap: 1,
  slowStore: 1,
  lateStore: 1,
  refuse: 0.3,
  restartStore: 0.5,
  loseAnnouncements: 1,
  crash: 1,
  start: 2,
  close: 1,
  trim: 1,
  failOver: 1,
  expire: 1,
  sleep: 0.5,
  replace: 0.7,
  calm: 2,
} as const;
export type Kind = keyof typeof KINDS;

/** Faults that lose entries; without them there must not be a gap. */
const LOSING: ReadonlySet<Kind> = new Set(["trim", "failOver", "expire", "sleep", "replace"]);
/** Faults after which another log stands where one was. */
const RESETTING: ReadonlySet<Kind> = new Set(["failOver", "expire", "sleep", "replace"]);
/** Without these nothing would ever happen. */
const VITAL: ReadonlySet<Kind> = new Set(["emit", "subscribe", "fair", "healStore", "start", "flow"]);

/** Something that happens. */
export interface Action {
  readonly kind: Kind;
  /** To which of those that there are. */
  readonly which: number;
  readonly count: number;
  /** How much later the next one happens, in milliseconds. */
  readonly pauseMs: number;
}

export interface Plan {
  readonly seed: number;
  readonly servers: number;
  readonly clients: number;
  /** How many entries a log keeps. */
  readonly keeps: number;
  readonly maxDurationMs: number;
  /** What the sockets of a connection hold. */
  readonly bufferBytes: number;
  /** Whether what is announced is heard, or it is said that nothing is. */
  readonly isHeard: boolean;
  /** Whether logs may be replaced. */
  readonly mayReset: boolean;
  readonly actions: readonly Action[];
}

export function planOf(seed: number): Plan {
  const chance = new Chance(seed);
  const isWhole = chance.happens(0.4);
  const mayReset = !isWhole && chance.happens(0.5);
  // A log that was born anew goes on without a gap for who heard all of the life before; and to hear is what is trusted there. So what is
  // announced is not lost in silence in the same world: a connection that broke says so.
  const isHeard = mayReset || chance.happens(0.6);
  const isLeft = (kind: Kind): boolean =>
    (isWhole && LOSING.has(kind)) || (!mayReset && RESETTING.has(kind)) || (isHeard && kind === "loseAnnouncements");
  // Each world has moods of its own: where everything happens all the time, little goes on for long enough to go wrong.
  const weights = (Object.entries(KINDS) as Array<[Kind, number]>)
    .filter(([kind]) => !isLeft(kind) && (VITAL.has(kind) || chance.happens(0.7)))
    .map(([kind, weight]) => [kind, weight * chance.pick([0.2, 1, 1, 3])] as const);
  return {
    seed,
    servers: 1 + chance.below(3),
    clients: 1 + chance.below(3),
    keeps: isWhole ? Infinity : chance.pick([5, 20, 100, Infinity]),
    maxDurationMs: chance.pick([8_000, 30_000, 300_000, 300_000]),
    bufferBytes: chance.pick([300, 1_000, 4_000, 100_000]),
    isHeard,
    mayReset,
    actions: Array.from({ length: 30 + chance.below(90) }, () => ({
      kind: pickWeighted(chance, weights),
      which: chance.below(1_000),
      count: chance.below(1_000),
      pauseMs: chance.happens(0.1) ? chance.next() * 20_000 : chance.next() ** 3 * 800,
    })),
  };
}

function pickWeighted(chance: Chance, weights: ReadonlyArray<readonly [Kind, number]>): Kind {
  let left = chance.next() * weights.reduce((total, [, weight]) => total + weight, 0);
  for (const [kind, weight] of weights) {
    left -= weight;
    if (left < 0) return kind;
  }
  return "emit";
}
