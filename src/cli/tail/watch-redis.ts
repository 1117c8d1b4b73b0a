import { isTidingsError, Realtime } from "../../index.ts";
import { aborted, gapNote, type Watcher } from "./watcher.ts";

/** Which Redis. */
export interface RedisPlace {
  readonly url: string;
  /** @default "tidings" */
  readonly keyPrefix?: string | undefined;
}

/**
 * Watches channels in a Redis, as code of a server does.
 * @returns whether any could be read
 */
export async function watchRedis(watcher: Watcher, { url, keyPrefix }: RedisPlace): Promise<boolean> {
  const { channels, history, after, events, signal, show, note } = watcher;
  const say = (text: unknown): void => note(String(text).replace(/^tidings: /, ""));
  let wasAway = false;
  const realtime = new Realtime({
    redis: url,
    ...(keyPrefix !== undefined && { keyPrefix }),
    logger: { log: say, warn: say, error: say },
    hooks: {
      onBroker({ name, state }) {
        if (state === "away") note(`${name} cannot be reached, and is tried again`);
        else if (wasAway && state === "connected") note(`${name} is back`);
        wasAway = state === "away";
      },
    },
  });
  const refused = (channel: string, error: unknown): false => {
    // Its log has said why.
    if (!signal.aborted && !(isTidingsError(error) && error.code === "channel_unavailable"))
      note(`${channel}: ${(error as Error).message}`);
    return false;
  };
  try {
    const joined = await Promise.all(
      channels.map((channel) =>
        realtime
          .channel(channel)
          .subscribe({
            ...{ events, signal },
            ...(history !== undefined && { history }),
            ...(after !== undefined && { after }),
            onData: show,
            onGap: (gap) => note(gapNote(gap)),
          })
          .then(
            () => true,
            (error: unknown) => refused(channel, error),
          ),
      ),
    );
    if (!joined.includes(true)) return signal.aborted;
    await aborted(signal);
    return true;
  } finally {
    await realtime.close();
  }
}
