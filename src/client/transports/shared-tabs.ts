import { GRACE_MS, QUIET_MS } from "../times.ts";
import { streaming } from "./streaming.ts";
import { createCandidate } from "./tab-candidate.ts";
import type { Call, News } from "./tab-leader.ts";
import type { Transport, TransportOptions } from "./transport.ts";

/**
 * One connection for all tabs of a browser that show the same user. Whoever holds a Web Lock is the leader: it has a client of its
 * own, and in it a listener for each stream of each tab. What comes is handed to the tabs over a BroadcastChannel, to its own tab as
 * to the others. Cursors stay in the tabs, so a leader that is lost is a stream that ended.
 */
export const sharedTabs: Transport = async (link) => {
  const { asked, options, signal, alive, hear } = link;
  const { clock, route } = options;
  // Web Locks are for secure contexts, and on a server there are no tabs.
  if (!globalThis.navigator?.locks || !globalThis.BroadcastChannel || !globalThis.document)
    return (route.polls ? (await import("./long-polling.ts")).longPolling : streaming)(link);
  // A leader that goes is no stream that something on the way has cut.
  route.cuts = 0;
  const id = crypto.randomUUID();
  const name = nameOf(options);
  await hold(id, signal);
  // Closed while it waited: nobody would hear of it any more.
  if (signal.aborted) return 0;
  return new Promise((resolve) => {
    const channel = new BroadcastChannel(name);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a BroadcastChannel has but one
    const call = (what: Call): void => channel.postMessage(what);
    const candidate = (route.candidate ??= createCandidate(options, name));
    let leader: string | undefined;
    let heardAt = clock.now();
    let grace: ReturnType<typeof clock.setTimeout> | undefined;
    let timer: ReturnType<typeof clock.setTimeout>;

    channel.addEventListener("message", ({ data: news }: MessageEvent<News>) => {
      // What another tab calls.
      if (!news.leader) return;
      alive();
      heardAt = clock.now();
      if (leader !== news.leader) {
        if (leader) return resolve(0);
        ({ leader } = news);
        call({ open: id, asked: [...asked] });
      }
      if (news.isRefused) resolve(Infinity);
      if (news.isLost) grace ??= clock.setTimeout(() => resolve(0), GRACE_MS);
      for (const [frame, streams] of news.frames ?? []) {
        if (!streams.includes(id)) continue;
        clock.clearTimeout(grace);
        grace = undefined;
        hear(frame);
      }
    });

    /** The first tab that misses the leader asks, and all hear the answer. A timer that comes late proves nothing: this tab slept. */
    function watch(): void {
      const since = clock.now();
      timer = clock.setTimeout(
        () => {
          const now = clock.now();
          if (now - since > 2 * QUIET_MS) heardAt = now - QUIET_MS;
          if (now - heardAt >= 3 * QUIET_MS) {
            heardAt = now;
            candidate.seize();
          } else if (now - heardAt >= QUIET_MS) call({ ping: true });
          watch();
        },
        QUIET_MS * (0.5 + clock.random()),
      );
    }

    // Before a page is put away: a frozen one must not hold the lead.
    for (const event of ["pagehide", "freeze"]) addEventListener(event, () => resolve(0), { capture: true, signal });
    const leave = candidate.join();
    signal.addEventListener("abort", () => {
      call({ close: id });
      channel.close();
      clock.clearTimeout(grace);
      clock.clearTimeout(timer);
      leave();
      resolve(0);
    });
    call({ ping: true });
    watch();
  });
};

function nameOf({ api: { url = "/api/realtime", withCredentials, shareTabs } = {} }: TransportOptions): string {
  return `tidings:${JSON.stringify([new URL(url, document.baseURI).href, withCredentials, shareTabs])}`;
}

/** Holds a lock of this name until the signal is aborted, or this tab has gone in whatever way. Resolves when it has it. */
function hold(name: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    void navigator.locks.request(name, async () => {
      resolve();
      if (!signal.aborted) await new Promise((release) => signal.addEventListener("abort", release));
    });
  });
}
