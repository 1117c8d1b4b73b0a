import { lead } from "./tab-leader.ts";
import type { TransportOptions } from "./transport.ts";

/** A client's claim to lead the tabs: it stands in the queue for their lock for as long as it has streams. */
export interface Candidate {
  /** One more stream. @returns one less */
  join(): () => void;
  /** Takes the lead from a tab that does not answer. */
  seize(): void;
}

/** One for the life of a client. @param name of the lock */
export function createCandidate(options: TransportOptions, name: string): Candidate {
  let streams = 0;
  let claim: AbortController | undefined;

  function stand(isSeizing: boolean): void {
    const own = (claim = new AbortController());
    const { signal } = own;
    const over = (): void => {
      // Also when another tab has taken the lead.
      own.abort();
      if (claim === own && streams > 0) stand(false);
    };
    // It may be granted when it is over already.
    const begin = (): unknown => signal.aborted || lead(name, options, signal);
    navigator.locks.request(name, isSeizing ? { steal: true } : { signal }, begin).then(over, over);
  }

  return {
    join() {
      if (streams++ === 0) stand(false);
      return () => {
        if (--streams === 0) claim?.abort();
      };
    },
    seize() {
      claim?.abort();
      stand(true);
    },
  };
}
