import type { RealtimeCursor } from "../../protocol/cursor.ts";
import { DEFAULT_CHANNEL } from "../../protocol/names.ts";
import type { RealtimeClient } from "../options.ts";
import { warn } from "../report.ts";
import type { UntypedOptions } from "./options.ts";

/** One subscription whose options change. */
export interface Follower {
  /**
   * From now on these are its options. Only other values subscribe anew; the newest `onData` and `onGap` are called in any case.
   *
   * @throws TypeError as `RealtimeClient.subscribe` does. Nothing is subscribed then.
   */
  update(options: UntypedOptions): void;
  /** Ends it. The next `update` goes on where it stood. */
  stop(): void;
}

/**
 * What a binding does with the options of a component: subscribe, and follow them as they change. A channel that stays goes on
 * at its cursor; one that left and comes back begins anew; after a pause each goes on where it stood.
 *
 * @param cursors where it stands on each channel; hand the same map in to go on there with another client
 */
export function followOptions(client: RealtimeClient, cursors: Map<string, RealtimeCursor> = new Map()): Follower {
  let latest: UntypedOptions;
  /** The selection that is followed. */
  let followed: string | undefined;
  let end: (() => void) | undefined;

  return {
    update(options) {
      latest = options;
      const selection = selectionOf(options);
      if (selection === followed) return;
      void warn(async () => (await import("../explain-options.ts")).explainUseRealtime(options));
      const { channels = [DEFAULT_CHANNEL], events, enabled = true, history, after } = options;
      const endBefore = end;
      followed = selection;
      end = undefined;
      try {
        if (!enabled) return;
        const wanted = new Set(channels);
        for (const channel of cursors.keys()) if (!wanted.has(channel)) cursors.delete(channel);
        end = client.subscribe({
          ...{ channels, events, history, after, cursors },
          onData: (message) => latest.onData?.(message),
          // Asked for at each gap: without `onGap` the client warns.
          get onGap() {
            return latest.onGap;
          },
        });
      } finally {
        // Last: a client that nobody listens to for a moment would report that it is disconnected.
        endBefore?.();
      }
    },
    stop() {
      end?.();
      end = followed = undefined;
    },
  };
}

/** What a subscription depends on, as text: equal by value is equal, so that arrays written in place do not subscribe anew. */
export function selectionOf({ channels, events, enabled, history, after }: UntypedOptions): string {
  // Before what fails for want of a list.
  void warn(async () =>
    typeof channels === "string" ? (await import("../explain-options.ts")).explainChannels(channels) : "",
  );
  return JSON.stringify([channels?.filter(Boolean), events, enabled, history, after]);
}
