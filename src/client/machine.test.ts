import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  INITIAL,
  transition,
  type Effect,
  type MachineEvent,
  type MachineState,
  type StateName,
  type World,
} from "./machine.ts";

const CHANGE = ["change", 25] as const;
const DUE = ["due", "stream"] as const;
const LOST = ["nextLost", 0] as const;
const REFUSED = ["nextLost", Infinity] as const;
const JOINED = ["joined"] as const;
const CURRENT_LOST = ["currentLost"] as const;
const WAKE = ["wake"] as const;
const OVERLAP_MS = 3_000;
const STABLE_MS = 5_000;
const NEVER: Effect = Infinity;

const at = (over: Partial<World> = {}): World => ({ now: 0, random: 0.5, maxReconnectAttempts: Infinity, ...over });
const state = (name: StateName, over: Partial<MachineState> = {}): MachineState => ({ name, attempt: 0, ...over });
const after = (from: MachineState, event: MachineEvent, world = at()): [StateName, readonly Effect[]] => {
  const [{ name }, ...effects] = transition(from, event, world);
  return [name, effects];
};

/** Plays events one after the other; each may come with its own world. */
function play(from: MachineState, ...events: ReadonlyArray<MachineEvent | [MachineEvent, Partial<World>]>): MachineState {
  return events.reduce((now, each) => {
    const [event, world] = typeof each[0] === "object" ? each : [each, {}];
    return transition(now, event, at(world))[0];
  }, from);
}

/** The time for which the timer was set. */
function delayOf(from: MachineState, event: MachineEvent, world: Partial<World> = {}): number {
  const [, ...effects] = transition(from, event, at(world));
  return effects.reduce<number>((delay, effect) => (typeof effect === "number" ? effect : delay), -1);
}

describe("the machine", () => {
  it.each<[string, MachineState, MachineEvent, [StateName, readonly Effect[]]]>([
    ["U-36: a first wish is gathered", INITIAL, CHANGE, ["gathering", [25]]],
    ["more wishes do not begin the time anew", state("gathering"), CHANGE, ["gathering", []]],
    ["then a stream is opened", state("gathering"), DUE, ["opening", ["open"]]],
    ["a change lets the stream open that is opening", state("opening"), CHANGE, ["opening", [OVERLAP_MS]]],
    ["unless it takes too long", state("opening"), DUE, ["opening", ["open"]]],
    ["a stream that is joined becomes the current one", state("opening"), JOINED, ["open", ["promote", NEVER]]],
    ["nothing is opened when the stream that is open will do", state("open"), ["due", "same"], ["open", []]],
    ["U-26: another set of channels is opened beside the open stream", state("open"), DUE, ["moving", ["open", OVERLAP_MS]]],
    ["U-26: and takes its place once it is joined", state("moving"), JOINED, ["open", ["promote", NEVER]]],
    ["a change while moving waits for the successor", state("moving"), CHANGE, ["moving", []]],
    ["two streams at once for three seconds at most: then the old one goes", state("moving"), DUE, ["opening", ["drop"]]],
    ["the successor goes on when the old stream breaks", state("moving"), CURRENT_LOST, ["opening", [NEVER]]],
    ["the old stream goes on when its successor breaks", state("moving"), LOST, ["open", [250]]],
    ["the old stream goes on when its successor is refused", state("moving"), REFUSED, ["refused", [NEVER]]],
    ["the server asks for another stream in a while", state("open"), ["change", 700], ["open", [700]]],
    ["B-6: components that come and go do not hurry the next attempt", state("waiting"), CHANGE, ["waiting", []]],
    ["a refusal is final", state("opening"), REFUSED, ["refused", [NEVER]]],
    ["until something else is wanted", state("refused"), CHANGE, ["gathering", [25]]],
    ["a refused client is not woken", state("refused"), WAKE, ["refused", []]],
    ["an idle client is not woken", INITIAL, WAKE, ["idle", []]],
  ])("%s", (_title, from, event, outcome) => {
    expect(after(from, event)).toEqual(outcome);
  });

  it.each(["idle", "gathering", "opening", "open", "moving", "waiting", "refused"] as const)(
    "in the state %s, nobody who listens means: no stream and no timer",
    (name) => {
      const [now, ...effects] = transition(state(name, { attempt: 3 }), ["due", "none"], at());
      expect(now).toBe(INITIAL);
      expect(effects).toEqual(expect.arrayContaining(["promote", "drop", NEVER]));
    },
  );

  it("B-5: retries without limit, with full jitter under a ceiling that doubles up to 30 s", () => {
    const ceilings: number[] = [];
    let now = state("opening");
    for (let attempt = 0; attempt < 40; attempt++) {
      expect(delayOf(now, LOST, { random: 0 })).toBe(0);
      ceilings.push(delayOf(now, LOST, { random: 1 }));
      now = play(now, LOST, DUE);
      expect(now.name).toBe("opening");
    }
    expect(ceilings.slice(0, 8)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(Math.max(...ceilings)).toBe(30_000);
  });

  it("B-6: one timer: each arming replaces the one before, and a failure leaves no attempt behind", () => {
    const [now, ...effects] = transition(state("opening"), LOST, at());
    expect(effects.filter((effect) => typeof effect === "number")).toHaveLength(1);
    expect(after(now, LOST)).toEqual(["waiting", []]);
    expect(after(now, CURRENT_LOST)).toEqual(["waiting", []]);
  });

  it("B-10: failures are counted until a stream was stable, not until one was opened", () => {
    const failed = play(state("opening"), LOST, DUE, LOST, DUE, LOST, DUE);
    expect(failed.attempt).toBe(3);
    const opened = play(failed, [JOINED, { now: 1_000 }]);
    const lostSoon = play(opened, [CURRENT_LOST, { now: 1_000 + STABLE_MS - 1 }]);
    expect(lostSoon.attempt).toBe(4);
    const lostLater = play(opened, [CURRENT_LOST, { now: 1_000 + STABLE_MS }]);
    expect(lostLater.attempt).toBe(1);
    // Once used up, that it lasted once is no excuse for ever.
    expect(play(lostLater, DUE, [LOST, { now: 100_000 }], DUE, [LOST, { now: 200_000 }]).attempt).toBe(3);
  });

  it("B-10: a successor that breaks again and again is asked for less and less often, however stable the old stream", () => {
    let now = play(state("opening"), [JOINED, { now: 0 }]);
    const ceilings = [100_000, 200_000, 300_000, 400_000].map((time) => {
      now = play(now, DUE);
      const ceiling = delayOf(now, LOST, { now: time, random: 1 });
      now = play(now, [LOST, { now: time }]);
      return ceiling;
    });
    expect(ceilings).toEqual([500, 1_000, 2_000, 4_000]);
  });

  it("B-10: maxReconnectAttempts counts failures in a row", () => {
    const world = { maxReconnectAttempts: 2 };
    const two = play(state("opening"), [LOST, world], DUE, [LOST, world], DUE);
    expect(two.name).toBe("opening");
    const three = play(two, [LOST, world]);
    expect(three).toMatchObject({ name: "refused", attempt: 0 });
    expect(play(state("opening"), [LOST, { maxReconnectAttempts: 0 }]).name).toBe("refused");
    expect(play(two, JOINED, [CURRENT_LOST, { ...world, now: STABLE_MS }]).name).toBe("waiting");
  });

  it("streams that follow each other without a break count as one that lives long", () => {
    const failed = play(state("opening"), LOST, DUE, LOST, DUE, LOST, DUE);
    const first = play(failed, [JOINED, { now: 10_000 }]);
    const second = play(first, [DUE, { now: 13_000 }], [JOINED, { now: 13_100 }]);
    expect(delayOf(second, CURRENT_LOST, { now: 14_000, random: 1 })).toBe(4_000);
    expect(delayOf(second, CURRENT_LOST, { now: 15_000, random: 1 })).toBe(500);
    // A break begins anew.
    const lost = play(second, [CURRENT_LOST, { now: 14_000 }], DUE, [JOINED, { now: 20_000 }]);
    expect(delayOf(lost, CURRENT_LOST, { now: 21_000, random: 1 })).toBe(8_000);
  });

  it("the server's own time is kept, within reason and spread over a second, and nothing makes it sooner", () => {
    const busy: MachineEvent = ["nextLost", 7_000];
    expect(delayOf(state("opening"), busy, { random: 0 })).toBe(7_000);
    expect(delayOf(state("opening"), busy, { random: 0.9 })).toBeCloseTo(7_900);
    expect(delayOf(state("opening"), ["nextLost", 86_400_000], { random: 0 })).toBe(300_000);
    expect(after(play(state("opening"), busy), WAKE)).toEqual(["waiting", []]);
  });

  it("B-5: a page that wakes up tries within a second, once", () => {
    const waiting = play(state("opening"), LOST);
    expect(delayOf(waiting, WAKE, { random: 0.999 })).toBeLessThan(1_000);
    expect(after(play(waiting, WAKE), WAKE)).toEqual(["waiting", []]);
    expect(delayOf(play(waiting, WAKE, DUE, LOST), WAKE, { random: 0.5 })).toBe(500);
  });

  it("opens one stream at a time, and never more than two, whatever happens", () => {
    const event = fc.oneof(
      ...[CHANGE, DUE, JOINED, LOST, REFUSED, CURRENT_LOST, WAKE].map((each) => fc.constant<MachineEvent>(each)),
      fc.constant<MachineEvent>(["due", "same"]),
      fc.constant<MachineEvent>(["due", "none"]),
    );
    fc.assert(
      fc.property(fc.array(event, { size: "max", maxLength: 60 }), (events) => {
        let now = INITIAL;
        const open = { current: false, next: false, armed: false };
        const wrong: string[] = [];
        const claim = (holds: boolean, what: string): void => void (holds || wrong.push(`${now.name}: ${what}`));
        for (const each of events) {
          // What a client cannot bring about.
          const [type, detail] = each;
          if ((type === "joined" || type === "nextLost") && !open.next) continue;
          if (type === "currentLost" && !open.current) continue;
          if (type === "due" && detail !== "none" && !open.armed) continue;
          if (type === "due") open.armed = false;
          if (type === "nextLost") open.next = false;
          if (type === "currentLost") open.current = false;
          const [then, ...effects] = transition(now, each, at());
          for (const effect of effects) {
            // In place of one that is opening.
            if (effect === "open") open.next = true;
            else if (effect === "drop") open.current = false;
            else if (effect === "promote") {
              claim(open.next || detail === "none", "promotes nothing");
              open.current = open.next;
              open.next = false;
            } else open.armed = effect < Infinity;
          }
          now = then;
          const { name } = now;
          claim(open.next === (name === "opening" || name === "moving"), "a stream is opening, or none");
          claim(open.current || (name !== "open" && name !== "moving"), "a stream is open");
          claim(open.armed || !["gathering", "waiting", "moving"].includes(name), "goes on some time");
        }
        expect(wrong).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });
});
