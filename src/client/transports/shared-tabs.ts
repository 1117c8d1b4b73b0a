import { LOOK_MS } from "../times.ts";
import { createCandidate } from "./tab-candidate.ts";
import { tune, type Call, type News } from "./tab-channel.ts";
import type { Transport, TransportOptions } from "./transport.ts";

/**
 * One connection for all tabs of a browser that show the same user. Whoever holds a Web Lock is the leader: it has a client of its
 * own, and in it a listener for each stream of each tab. What comes is handed to the tabs over a BroadcastChannel, to its own tab as
 * to the others. Cursors stay in the tabs, so a leader that is lost is a stream that ended; and so is a connection that it lost.
 */
export const sharedTabs =
  (alone: Transport): Transport =>
  async (link) => {
    const { asked, options, signal, alive, hear } = link;
    const { clock, route } = options;
    const channels = [...asked.keys()].join();
    if (route.retryAfterMs !== undefined) {
      // The leader's own.
      route.retryAfterMs = 0;
      return (route.retryAfterMs = await alone(link));
    }
    // Web Locks are for secure contexts, and on a server there are no tabs.
    if (!globalThis.document || !navigator.locks || route.alone === channels) return alone(link);
    // A leader that goes is no stream that something on the way has cut.
    route.cuts = 0;
    /** Also the name of a lock, which is free when the stream is over, in whatever way. */
    const id = crypto.randomUUID();
    const share = (): Promise<number> | number =>
      // Closed while it waited: nobody would hear of it any more.
      signal.aborted
        ? 0
        : new Promise((resolve) => {
            const name = nameOf(options);
            const candidate = (route.candidate ??= createCandidate(options, name));
            let leader: string | undefined;
            let missed = 0;
            let timer: ReturnType<typeof clock.setTimeout>;

            const channel = tune<News>(name, (news) => {
              // What another tab calls.
              if (!news.leader) return;
              alive();
              missed = 0;
              Object.assign(candidate.route, news.route);
              if (leader !== news.leader) {
                if (leader) return resolve(0);
                ({ leader } = news);
                call();
              }
              for (const [frame, streams] of news.frames) {
                if (!streams.includes(id)) continue;
                if (frame) hear(frame);
                else if (news.route.retryAfterMs < Infinity) resolve(news.route.retryAfterMs);
                else {
                  route.alone = channels;
                  resolve(0);
                }
              }
            });

            // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a BroadcastChannel has but one
            const call = (): void => channel.postMessage({ id, asked } satisfies Call);

            /** The first tab that misses the leader asks, and all hear the answer. */
            function look(): void {
              timer = clock.setTimeout(
                () => {
                  if (missed++ > 2) candidate.seize();
                  else if (missed > 1) call();
                  look();
                },
                LOOK_MS * (0.5 + clock.random()),
              );
            }

            // Before a page is put away: a frozen one must not hold the lead.
            for (const event of ["pagehide", "freeze"]) addEventListener(event, () => resolve(0), { capture: true, signal });
            const leave = candidate.join();
            signal.addEventListener("abort", () => {
              channel.close();
              clock.clearTimeout(timer);
              leave();
              resolve(0);
            });
            call();
            look();
          });
    // A page may be kept from using locks: one in a sandbox is.
    return navigator.locks.request(id, share).catch(() => alone(link));
  };

function nameOf({ api: { url = "/api/realtime", withCredentials, shareTabs } = {} }: TransportOptions): string {
  return `tidings:${JSON.stringify([new URL(url, document.baseURI).href, withCredentials, shareTabs])}`;
}
