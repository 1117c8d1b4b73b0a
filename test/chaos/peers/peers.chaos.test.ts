import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser } from "../../support/browser.ts";
import { addRow, isShort } from "../table.ts";
import { contenders, type Contender } from "./contender.ts";
import { FAULTS } from "./faults.ts";
import { perform, type Outcome } from "./stage.ts";

// tidings beside other libraries, each as its documentation has it, with its own client in a real browser, under the same faults. Of the
// others it is only expected that events flowed: what else came of it stands in the table.

const all = contenders();
const those = isShort ? all.slice(0, 2) : all;
const outcomes = FAULTS.map(() => new Map<Contender, Outcome>());
let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  // In the order of the faults, not in that in which they were done.
  FAULTS.forEach((fault, at) => {
    for (const contender of those) {
      const outcome = outcomes[at]?.get(contender);
      if (outcome) addRow("peers", { Fault: fault.name, Library: contender.name, ...columnsOf(outcome) });
    }
  });
});

describe.concurrent.each(FAULTS.map((fault, at) => ({ ...fault, at })))(
  "$name",
  ({ at, keep = 10_000, gaps = [0], happen }) => {
    it.each(those)("$name", async (contender) => {
      const outcome = await perform(contender, { browser, keep }, happen);
      outcomes[at]?.set(contender, outcome);
      expect(outcome.shown, "events flowed").toBeGreaterThan(0);
      const promise = { lost: 0, doubled: 0, disordered: 0, ghosts: 0, gaps: expect.toBeOneOf([...gaps]) as number };
      expect(outcome).toMatchObject(contender.name === "tidings" ? promise : {});
    });
  },
);

function columnsOf(outcome: Outcome): Record<string, string | number> {
  const { events, shown, lost, told, gaps, doubled, disordered, longestSilenceMs, statuses } = outcome;
  return {
    Published: events,
    Shown: shown,
    "Lost in silence": lost,
    "Told of": told,
    Gaps: gaps,
    Doubled: doubled,
    "Out of order": disordered,
    "Longest silence, s": Math.round(longestSilenceMs / 1_000),
    "Status meanwhile": statuses.join(", "),
  };
}
