/** The promise, as arithmetic on what was published and what one reader was shown. It knows no library, so that it is fair to all. */

/** What became of an emit. */
export type Fate =
  /** Acknowledged. */
  | "stored"
  /** Refused: it must not be missed, and must not be shown. */
  | "refused"
  /** Nobody knows: it may be shown, or not. */
  | "unknown";

/** What a reader was shown, in its order: the number of an event, or that something is missing. */
export type Step = number | "gap";

/** What came of one channel for one reader, or of many for many. */
export interface Tally {
  /** Events that every reader counted here was to see. */
  readonly events: number;
  readonly shown: number;
  /** Stored, not shown, and not told. */
  readonly lost: number;
  /** Stored, not shown, and told. */
  readonly told: number;
  /** Shown again. */
  readonly doubled: number;
  /** Shown below one that was shown before. */
  readonly disordered: number;
  /** Times that a reader was told. */
  readonly gaps: number;
  /** Gaps with nothing missing at their place, or beside another one over the same hole. */
  readonly needless: number;
  /** Shown though they were refused. */
  readonly ghosts: number;
}

const NOTHING: Tally = {
  events: 0,
  shown: 0,
  lost: 0,
  told: 0,
  doubled: 0,
  disordered: 0,
  gaps: 0,
  needless: 0,
  ghosts: 0,
};

/**
 * @param fates of events 1, 2, 3 … of a channel, which were emitted one after the other
 * @param steps of a reader that had joined before the first, and stayed until after the last
 */
export function tally(fates: readonly Fate[], steps: readonly Step[]): Tally {
  const everShown = new Set(steps);
  const seen = new Set<number>();
  let [lost, told, doubled, disordered, gaps, needless, ghosts] = [0, 0, 0, 0, 0, 0, 0];
  let last = 0;
  let gapsHere = 0;
  /** Closes what lies between the last event that was shown and this one. */
  const close = (next: number): void => {
    let missing = 0;
    for (let n = last + 1; n < next; n++) if (fates[n - 1] === "stored" && !everShown.has(n)) missing++;
    if (gapsHere > 0) told += missing;
    else lost += missing;
    needless += Math.max(0, gapsHere - (missing > 0 ? 1 : 0));
    gapsHere = 0;
  };
  for (const step of steps) {
    if (step === "gap") {
      gaps++;
      gapsHere++;
    } else if (seen.has(step)) {
      doubled++;
    } else {
      if (fates[step - 1] === "refused") ghosts++;
      if (step < last) disordered++;
      else close(step);
      seen.add(step);
      last = Math.max(last, step);
    }
  }
  close(fates.length + 1);
  return {
    events: fates.filter((fate) => fate === "stored").length,
    shown: seen.size,
    lost,
    told,
    doubled,
    disordered,
    gaps,
    needless,
    ghosts,
  };
}

/** Those of several readers together. */
export function sum(tallies: readonly Tally[]): Tally {
  const total: Record<keyof Tally, number> = { ...NOTHING };
  for (const one of tallies) for (const key of Object.keys(NOTHING) as Array<keyof Tally>) total[key] += one[key];
  return total;
}
