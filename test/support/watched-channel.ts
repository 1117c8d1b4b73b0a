import type { Gap, Realtime } from "../../src/index.ts";

/** What a subscriber of a channel was told, in order. */
export interface WatchedChannel {
  /** The data of the events, and gaps. */
  readonly seen: ReadonlyArray<number | Gap>;
  /** The events, without the gaps. */
  readonly numbers: number[];
  readonly gaps: Gap[];
  /** The ids of the events. */
  readonly ids: string[];
  stop(): void;
}

/** Subscribes to events that count, `{ n }`, and writes down what comes. */
export async function watch(realtime: Realtime, channel: string): Promise<WatchedChannel> {
  const seen: Array<number | Gap> = [];
  const ids: string[] = [];
  const stop = await realtime.channel(channel).subscribe({
    onData({ id, data }) {
      seen.push((data as { n: number }).n);
      ids.push(id);
    },
    onGap: (gap) => void seen.push(gap),
  });
  return {
    seen,
    ids,
    get numbers() {
      return seen.filter((each) => typeof each === "number");
    },
    get gaps() {
      return seen.filter((each) => typeof each !== "number");
    },
    stop,
  };
}
