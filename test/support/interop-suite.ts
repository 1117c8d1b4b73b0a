import { setTimeout as sleep } from "node:timers/promises";
import { it } from "vitest";
import type { Broker } from "../../src/brokers/broker.ts";
import type { Interop } from "../../src/brokers/interop/format.ts";
import { createInteropBroker } from "../../src/brokers/interop/interop-broker.ts";
import type { RedisSource } from "../../src/brokers/redis/transport.ts";
import { brokerConformance, type SkippedCase } from "../../src/testing/broker-conformance.ts";
import { followMoves } from "./follow-moves.ts";

const THEIRS = "the log is the other library's: what we append neither trims nor expires it";
const SKIP: readonly SkippedCase[] = [
  { name: "F-26: a log keeps exactly maxLength entries, the newest", reason: THEIRS },
  { name: "F-26: a smaller maxLength trims at the next append, a larger one keeps more again", reason: THEIRS },
  { name: "maxLength 0 keeps nothing, yet the log remembers its last id and is heard", reason: THEIRS },
  { name: "an announcement says how many entries its log keeps", reason: THEIRS },
  {
    name: "B-25: expireAfterMs drops the log that long after its last append; the next append begins a new life",
    reason: THEIRS,
  },
  {
    name: "the log through which processes speak to each other is one like any other",
    reason: "tidings puts no log of its own among those of another library, so that `disconnect` does not go with `interop`",
  },
  { name: "a caller's id outlives its log", reason: THEIRS },
  { name: "read from a position that was trimmed begins with the oldest entry that is kept", reason: THEIRS },
  { name: "locate in a log that was trimmed gives the position before the oldest entry that is kept", reason: THEIRS },
  { name: "the entries and the last id of a page are of the same instant", reason: THEIRS },
  {
    name: "I7 Return: an interrupted listener is told once of each channel that it was lost, then that its channels are heard again",
    reason: "it looks where logs end, and nothing is missed between two looks: a break takes nothing from it",
  },
];
const ENVELOPE = "a page is counted with the envelope that forrealtime puts around each payload";
const SKIP_FORREALTIME: readonly SkippedCase[] = [
  ...SKIP,
  { name: "a page ends with the entry that reaches pageBytes", reason: ENVELOPE },
  { name: "pageBytes counts bytes, not characters", reason: ENVELOPE },
];

export interface InteropPlace {
  readonly interop: Interop;
  readonly source: () => RedisSource;
  /** Forgets all logs, after each case. */
  readonly clear: () => Promise<unknown>;
}

/** The broker suite on logs of another library. Called by a test file. */
export function interopSuite({ interop, source, clear }: InteropPlace): void {
  const cases = brokerConformance(
    async () => {
      const brokers: Broker[] = [];
      return {
        async open() {
          const broker = createInteropBroker({ interop, source: source(), keyPrefix: "", logger: { warn() {} } });
          brokers.push(broker);
          return followMoves(broker);
        },
        elapse: (ms) => sleep(ms),
        async close() {
          await Promise.all(brokers.map((broker) => broker.close()));
          await clear();
        },
      };
    },
    { skip: interop === "forrealtime" ? SKIP_FORREALTIME : SKIP },
  );
  for (const { name, skip, run } of cases) (skip === undefined ? it : it.skip)(name, run);
}
