import type { Clock, Timer } from "../../protocol/clock.ts";
import { DEFAULT_CHANNEL, isChannelName } from "../../protocol/names.ts";
import type { RealtimeClient } from "../options.ts";
import { pageClock } from "../page-clock.ts";
import { guarded } from "../report.ts";

/** What is said of a connection that does not come back soon. */
export interface ConnectionCallbacks {
  /**
   * A channel is wanted, and for `connectionLostAfterSecs` there was no connection. Most losses are healed long before, and are not
   * worth a word.
   */
  readonly onConnectionLost?: (() => unknown) | undefined;
  /** The connection is back. Called only after `onConnectionLost`. */
  readonly onConnectionRestored?: (() => unknown) | undefined;
  /** @default 5 */
  readonly connectionLostAfterSecs?: number | undefined;
}

/** A client whose connection is watched on behalf of those who subscribe through it. */
export interface WatchedClient extends RealtimeClient {
  /** Watches from now on. @returns ends it: nothing is called any more. */
  watch(): () => void;
}

const DEFAULT_LOST_AFTER_SECS = 5;
/** A timer that is later than this share of its time slept with the page, and proves nothing. */
const LATE = 1.5;

/** @param callbacks asked for the newest ones each time they are needed */
export function watchConnection(
  client: RealtimeClient,
  callbacks: () => ConnectionCallbacks,
  clock: Clock = pageClock,
): WatchedClient {
  /** Who wants a channel. The status does not tell whether a client that is disconnected is so for want of them. */
  const wanting = new Set<() => void>();
  let isWatched = false;
  let isLost = false;
  let timer: Timer | undefined;

  function check(): void {
    const isConnected = client.getStatus() === "connected";
    if (!isWatched || isConnected || wanting.size === 0) {
      clock.clearTimeout(timer);
      timer = undefined;
    } else if (!timer && !isLost) wait();
    if (!isWatched || !isConnected || !isLost) return;
    isLost = false;
    void guarded(() => callbacks().onConnectionRestored?.());
  }

  function wait(): void {
    const { connectionLostAfterSecs = DEFAULT_LOST_AFTER_SECS } = callbacks();
    const delayMs = connectionLostAfterSecs * 1_000;
    const since = clock.now();
    timer = clock.setTimeout(() => {
      if (clock.now() - since > delayMs * LATE) return wait();
      isLost = true;
      void guarded(() => callbacks().onConnectionLost?.());
    }, delayMs);
  }

  return {
    ...client,
    subscribe(options) {
      const end = client.subscribe(options);
      const { channels = [DEFAULT_CHANNEL] } = options;
      if (channels.some(isChannelName)) wanting.add(end);
      check();
      return () => {
        end();
        wanting.delete(end);
        check();
      };
    },
    destroy() {
      wanting.clear();
      client.destroy();
      check();
    },
    watch() {
      isWatched = true;
      const stop = client.subscribeStatus(check);
      return () => {
        stop();
        isWatched = false;
        check();
      };
    },
  };
}
