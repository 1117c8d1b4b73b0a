import type { LeaderRoute } from "./tab-channel.ts";
import { lead } from "./tab-leader.ts";
import type { TransportOptions } from "./transport.ts";

/** A client's claim to lead the tabs: it stands in the queue for their lock for as long as it has streams. */
export interface Candidate {
  /** What whoever leads has found out of the way to the server. */
  readonly route: LeaderRoute;
  /** One more stream. @returns one less */
  join(): () => void;
  /** Takes the lead from a tab that does not answer. */
  seize(): void;
}

/** One for the life of a client. @param name of the lock */
export function createCandidate(options: TransportOptions, name: string): Candidate {
  const route = { cuts: 0, retryAfterMs: 0 };
  let streams = 0;
  let claim: AbortController | undefined;

  function stand(steal?: true): void {
    claim?.abort();
    const own = (claim = new AbortController());
    const { signal } = own;
    navigator.locks
      // It may be granted when it is over already.
      .request(name, steal ? { steal } : { signal }, () => signal.aborted || lead(name, { ...options, route }, signal))
      // Another tab has taken the lead. Streams that hear of it end, and the next one stands again.
      .catch(() => own.abort());
  }

  return {
    route,
    join() {
      if (!streams++ || claim?.signal.aborted) stand();
      return () => {
        if (!--streams) claim?.abort();
      };
    },
    seize: () => stand(true),
  };
}
