// @ts-check
/** What the buttons of the page do, and what the page may ask about it. */
import { setTimeout as sleep } from "node:timers/promises";

/** @import { Shop, createShops } from "./shops.mjs" */
/** @import { createGate } from "./gate.mjs" */
/** @import { createTicker } from "./ticker.mjs" */
/** @import { createTill } from "./till.mjs" */

/**
 * @typedef {object} Parts
 * @property {string} run names this run of the demo
 * @property {ReturnType<typeof createShops>} shops
 * @property {ReturnType<typeof createGate>} gate
 * @property {ReturnType<typeof createTicker>} ticker
 * @property {ReturnType<typeof createTill>} till
 * @property {boolean} redis whether the logs live in Redis
 */

export const PHONES = ["1", "2", "3"];
const CUT_MS = 5_000;
const FEW = 3;
/** What tidings keeps when nobody says otherwise. */
const DEFAULT_KEPT = 1_000;
/** With another server to order from, long enough for a few orders; alone, long enough to see. */
const DOWN_MS = { redis: 2_500, memory: 1_200 };

/** Waits for what should come soon, and not for ever. @param {() => boolean} done */
async function until(done) {
  for (let waits = 0; !done() && waits < 300; waits += 1) await sleep(100);
}

/** @param {Parts} parts */
export function createControl({ run, shops, gate, ticker, till, redis }) {
  /** @type {Map<string, number>} when each cut ends, in ms since 1970 */
  const cutUntil = new Map();
  let restarting = false;
  let keepsFew = false;

  /** With two servers each has one of the tidings phones. @param {string} phone @returns {Shop} */
  const shopOf = (phone) => /** @type {Shop} */ (shops.shops[phone === "2" ? shops.shops.length - 1 : 0]);

  /** @param {string} phone @param {() => boolean} [enough] has it missed enough by now? */
  async function cut(phone, enough = () => true) {
    if (gate.isCut(phone)) return;
    cutUntil.set(phone, Date.now() + CUT_MS);
    gate.cut(phone);
    await sleep(CUT_MS);
    await until(enough);
    gate.admit(phone);
  }

  return {
    shopOf,
    cut,

    /** Kills the servers one after the other, so that with two there is always one to order from. */
    async restart() {
      if (restarting) return;
      restarting = true;
      for (const shop of shops.shops) {
        // An order that its server was about to store would be neither placed nor refused.
        const down = await till.inTurn(() => ({ done: shops.restart(shop, redis ? DOWN_MS.redis : DOWN_MS.memory) }));
        await down.done.catch(() => {});
      }
      restarting = false;
    },

    /** Lets the log keep a few orders only, and cuts the phone off until it has missed more. @param {string} phone */
    async keepFewThenCut(phone) {
      if (keepsFew || gate.isCut(phone)) return;
      keepsFew = true;
      try {
        await shops.keep(FEW);
        await ticker.during(async () => {
          const before = till.state().placed;
          await cut(phone, () => till.state().placed - before > FEW + 1);
        });
        // Kept until it is back, so that the log cannot grow over what it missed.
        await until(() => gate.isConnected(phone));
        await shops.keep(DEFAULT_KEPT);
      } finally {
        keepsFew = false;
      }
    },

    state: () => ({
      run,
      ...till.state(),
      redis,
      paused: ticker.isPaused(),
      restarting,
      keepsFew,
      servers: shops.shops.map(({ name, port, up }) => ({ name, port, up })),
      phones: PHONES.map((phone) => ({
        phone,
        server: shopOf(phone).name,
        cut: gate.isCut(phone),
        cutMs: gate.isCut(phone) ? Math.max(0, (cutUntil.get(phone) ?? 0) - Date.now()) : 0,
      })),
    }),
  };
}
