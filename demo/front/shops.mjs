// @ts-check
/** Starts the shop's server processes, kills them when asked to, and starts again what ended by itself. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** @import { ChildProcess } from "node:child_process" */

const SCRIPT = fileURLToPath(new URL("../shop/server.mjs", import.meta.url));
const RESPAWN_MS = 500;

/**
 * @typedef {object} Shop
 * @property {string} name
 * @property {number} port 0 before its first start
 * @property {boolean} up whether it takes requests
 * @property {ChildProcess | undefined} child
 */

/**
 * @param {readonly string[]} names one process each
 * @param {Record<string, string | undefined>} env
 * @param {() => void} onUp called when one of them takes requests
 */
export function createShops(names, env, onUp) {
  /** @type {Shop[]} */
  const shops = names.map((name) => ({ name, port: 0, up: false, child: undefined }));
  let ending = false;
  /** How many orders the logs keep, if that was ever said. @type {number | undefined} */
  let kept;

  /** Resolves when it listens; on the port that it had. @param {Shop} shop */
  async function start(shop) {
    const child = fork(SCRIPT, { env: { ...env, PORT: String(shop.port) }, stdio: ["ignore", "inherit", "inherit", "ipc"] });
    shop.child = child;
    child.once("exit", () => {
      shop.up = false;
      if (shop.child !== child) return;
      shop.child = undefined;
      void respawn(shop);
    });
    const gone = once(child, "exit").then(() => Promise.reject(new Error(`server ${shop.name} ended at its start`)));
    const [ready] = /** @type {[{ port: number }]} */ (await Promise.race([once(child, "message"), gone]));
    shop.port = ready.port;
    shop.up = true;
    if (kept !== undefined) child.send({ keep: kept });
    onUp();
  }

  /** It died of something else than the demo. @param {Shop} shop */
  async function respawn(shop) {
    // A server that never came up is reported by whoever started it.
    while (shop.port !== 0 && !ending && !shop.child) {
      await sleep(RESPAWN_MS);
      if (!ending && !shop.child) await start(shop).catch(() => {});
    }
  }

  return {
    shops,
    startAll: () => Promise.all(shops.map(start)),

    /** kill -9, some time without it, and a new process. @param {Shop} shop @param {number} downMs */
    async restart(shop, downMs) {
      const { child } = shop;
      shop.up = false;
      // No longer its child: its end is not for `respawn`.
      shop.child = undefined;
      if (child && child.exitCode === null && child.signalCode === null) {
        const exited = once(child, "exit");
        child.kill("SIGKILL");
        await exited;
      }
      await sleep(downMs);
      if (!ending) await start(shop);
    },

    /** How many orders the log keeps from now on. Resolves when each process knows. @param {number} count */
    async keep(count) {
      kept = count;
      const told = shops.map(async ({ child, up }) => {
        // One that is still starting says its port first, and is told then.
        if (!up || !child?.connected) return;
        const answer = Promise.race([once(child, "message"), once(child, "exit")]);
        child.send({ keep: count });
        await answer;
      });
      await Promise.all(told);
    },

    /** Resolves when they are gone. */
    async killAll() {
      ending = true;
      const running = shops.flatMap(({ child }) =>
        child && child.exitCode === null && child.signalCode === null ? [child] : [],
      );
      await Promise.all(
        running.map((child) => {
          const exited = once(child, "exit");
          child.kill("SIGKILL");
          return exited;
        }),
      );
    },
  };
}
