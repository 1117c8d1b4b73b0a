import type { Bytes, IoRedisClient } from "./connection.ts";

interface Version5Init {
  readonly ready: () => void;
  readonly fail: (error: unknown) => void;
  /** The last error that the client told of. */
  readonly reason: () => unknown;
}

/** What has to be known of a connection of version 5 beside what it says. */
export interface Version5 {
  /** So many channels were given up by `sunsubscribe`. */
  unsubscribing(channels: number): void;
}

export function isVersion5({ options }: IoRedisClient): boolean {
  return !("protocol" in options);
}

/**
 * Version 5 is ready before its password was looked at. It never answers a SSUBSCRIBE that belongs elsewhere, and takes a `sunsubscribe`
 * that it did not ask for as the answer to something else: after either, nothing that it says can be trusted.
 */
export function watchVersion5(client: IoRedisClient, { ready, fail, reason }: Version5Init): Version5 {
  /** Acknowledgements that are still to come. */
  let unsubscribing = 0;
  client.on("ready", () => {
    client.call("PING", []).then(ready, () => (reason() === undefined ? ready() : fail(reason())));
  });
  const moved = () => fail(new Error("a slot has left the server"));
  client.on("moved", moved);
  client.on("connect", () =>
    client.stream?.on("data", (bytes) => {
      unsubscribing -= countUnsubscribed(bytes);
      if (unsubscribing < 0) moved();
    }),
  );
  return { unsubscribing: (channels) => void (unsubscribing += channels) };
}

/** A reply that says that a channel is heard no more. What is published is JSON, in which no line ends. */
const UNSUBSCRIBED = "*3\r\n$12\r\nsunsubscribe\r\n";

function countUnsubscribed(bytes: Bytes): number {
  let count = 0;
  for (let at = bytes.indexOf(UNSUBSCRIBED); at >= 0; at = bytes.indexOf(UNSUBSCRIBED, at + 1)) count++;
  return count;
}
