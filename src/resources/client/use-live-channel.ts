import { useEffect, useRef, useState } from "react";
import type { RealtimeCursor } from "../../client/core.ts";
import { DEFAULT_ENDPOINT, isLiveChannel, LIVE_CHANNEL_GRAMMAR } from "../names.ts";
import { listen, RECONNECT_MAX_MS } from "./connection.ts";
import type { LiveOptions } from "./live-options.ts";
import type { LiveStatus } from "./live-status.ts";

/** Options of {@link useLiveChannel}. */
export interface UseLiveChannelOptions extends LiveOptions {
  /** Messages may be missing: fetch the current state anew. */
  readonly onGap?: (() => unknown) | undefined;
  /** The connection was lost, and is back. What was told meanwhile comes as messages. */
  readonly onReconnect?: (() => unknown) | undefined;
  /** Begin after this cursor of the channel. Read when it is joined for the first time. @default from now on */
  readonly after?: string | undefined;
}

/**
 * Hears a channel: `onMessage(payload, { channel })` for each message, once and in order. Of each function the newest is called.
 * `undefined` or `""` as the channel hears nothing.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- what a payload is, only the application knows
export function useLiveChannel<P = unknown>(
  channel: string | undefined,
  onMessage: (payload: P, message: { readonly channel: string }) => unknown,
  options: UseLiveChannelOptions = {},
): LiveStatus {
  const { onReconnect, ...rest } = options;
  return useChannel(channel, (payload, message) => onMessage(payload as P, message), {
    ...rest,
    onLive: ({ wasLive }) => void (wasLive && onReconnect?.()),
  });
}

/** What is known of a channel when it becomes live. @internal */
export interface Beginning {
  /** The cursor after which it was heard from the first. */
  readonly after: string | undefined;
  /** It was live before, and is back. */
  readonly wasLive: boolean;
}

/** What {@link useLiveChannel} does, with one word for each time that the channel becomes live. @internal */
export function useChannel(
  channel: string | undefined,
  onMessage: (payload: unknown, message: { readonly channel: string }) => unknown,
  options: Omit<UseLiveChannelOptions, "onReconnect"> & { onLive(beginning: Beginning): void },
): LiveStatus {
  const { endpoint = DEFAULT_ENDPOINT, reconnectMaxMs = RECONNECT_MAX_MS, enabled = true } = options;
  const [status, setStatus] = useState<LiveStatus>("idle");
  /** Where this component stands: it goes on there after a pause. */
  const [cursors] = useState(() => new Map<string, RealtimeCursor>());
  /** How it began to hear the channel that it hears. */
  const began = useRef<Beginning>({ after: undefined, wasLive: false });
  const latest = useRef({ onMessage, options });
  useEffect(() => {
    latest.current = { onMessage, options };
  });

  useEffect(() => {
    if (!enabled || !channel) return undefined;
    if (!isLiveChannel(channel)) {
      console.error(`tidings: ${JSON.stringify(channel)} is not a channel name: ${LIVE_CHANNEL_GRAMMAR}.`);
      return undefined;
    }
    for (const other of cursors.keys()) if (other !== channel) cursors.delete(other);
    if (!cursors.has(channel)) began.current = { after: latest.current.options.after, wasLive: false };
    const stop = listen(endpoint, {
      channel,
      cursors,
      after: cursors.has(channel) ? undefined : began.current.after,
      reconnectMaxMs,
      onMessage: (payload, from) => latest.current.onMessage(payload, { channel: from }),
      onGap: () => latest.current.options.onGap?.(),
      onStatus(next) {
        setStatus(next);
        if (next !== "live") return;
        const beginning = began.current;
        began.current = { ...beginning, wasLive: true };
        latest.current.options.onLive(beginning);
      },
    });
    return () => {
      stop();
      setStatus("idle");
    };
  }, [endpoint, channel, enabled, reconnectMaxMs, cursors]);

  return status;
}
