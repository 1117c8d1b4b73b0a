import { setTimeout as sleep } from "node:timers/promises";
import { isShort } from "../table.ts";
import type { Stage } from "./stage.ts";

/** Something that happens to all contenders alike. */
export interface Fault {
  readonly name: string;
  /** How many events are to be kept. @default 10_000 */
  readonly keep?: number;
  /** How often a page may be told that it misses something: once at least, where what it misses is nowhere any more. @default [0] */
  readonly gaps?: readonly number[];
  happen(stage: Stage): Promise<void>;
}

const OUTAGE_MS = 2_000;
/** Events before a fault, and after it. */
const CALM = isShort ? 20 : 75;
/** Events that are missed where replays are cut. */
const MISSED = 60;
/** Where there is no replay, none can be cut. */
const REPLAY_MS = 15_000;

const ALL: readonly Fault[] = [
  {
    name: "Connections cut for 2 s in 10",
    async happen(stage) {
      for (let round = 0; round < (isShort ? 1 : 3); round++) {
        // oxlint-disable-next-line no-await-in-loop -- one round after the other
        await stage.flow(isShort ? CALM : 200);
        stage.disconnect();
        // oxlint-disable-next-line no-await-in-loop
        await sleep(OUTAGE_MS);
        stage.reconnect();
        // oxlint-disable-next-line no-await-in-loop
        await stage.returned();
      }
      await stage.flow(CALM);
    },
  },
  { name: "Cut once more before the first event of the replay", happen: (stage) => cutReplay(stage, 0) },
  { name: "Cut once more after ten events of the replay", happen: (stage) => cutReplay(stage, 10) },
  {
    name: "Server killed and started again",
    async happen(stage) {
      await stage.flow(CALM);
      await stage.killServer();
      await stage.flow(25);
      await stage.startServer();
      await stage.returned();
      await stage.flow(CALM);
    },
  },
  { name: "Redis killed and started again with its data", happen: (stage) => restartRedis(stage, false) },
  // The page may have been shown all; whether that can be proved depends on who is back first.
  { name: "Redis killed and started again empty", gaps: [0, 1], happen: (stage) => restartRedis(stage, true) },
  {
    name: "Redis killed and started again empty, 60 events not yet shown",
    gaps: [1],
    async happen(stage) {
      await stage.flow(CALM);
      stage.disconnect();
      await stage.flow(MISSED);
      await stage.killRedis();
      await stage.startRedis(true);
      stage.reconnect();
      await stage.returned();
      await stage.flow(CALM);
    },
  },
  {
    name: "300 events missed, 20 kept",
    keep: 20,
    gaps: [1],
    async happen(stage) {
      await stage.flow(CALM);
      stage.disconnect();
      // Three of them trim roughly, by 100 entries.
      await stage.flow(300);
      stage.reconnect();
      await stage.returned();
      await stage.flow(CALM);
    },
  },
];

/** What happens to all; in the short form it is the first and the last only. */
export const FAULTS: readonly Fault[] = isShort ? ALL.filter((_, at) => at === 0 || at === ALL.length - 1) : ALL;

async function cutReplay(stage: Stage, skipped: number): Promise<void> {
  await stage.flow(CALM);
  stage.disconnect();
  await stage.flow(MISSED);
  const cut = stage.cutReplay(skipped);
  stage.reconnect();
  await Promise.race([cut, sleep(REPLAY_MS)]);
  await stage.returned();
  await stage.flow(CALM);
}

async function restartRedis(stage: Stage, isEmpty: boolean): Promise<void> {
  await stage.flow(CALM);
  await stage.killRedis();
  await sleep(OUTAGE_MS);
  await stage.startRedis(isEmpty);
  await stage.returned();
  await stage.flow(CALM);
}
