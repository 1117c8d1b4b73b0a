/** The times of the client, in one place. It imports nothing, so bundlers can put the numbers where they are used. */

/** Time to gather more changes before a stream is opened. */
export const GATHER_MS = 25;
/** A stream that was silent for so long when the page comes back is not trusted. */
export const STALE_MS = 20_000;
/** A channel that could not be joined for now is asked for again after this time. */
export const RETRY_CHANNEL_MS = 10_000;

/** Time for `headers` to be made, before that of the server begins: somebody may have to sign in. */
export const HEADERS_MS = 50_000;
/** Assumed until the server has told its own: it has its first frame ready. */
export const FIRST_HEARTBEAT_MS = 4_000;
/** Heartbeats without a byte after which the connection is dead. */
export const DEAD_AFTER = 2.5;

/** A stream that ends sooner was cut. */
export const SHORT_MS = 5_000;
/** Streams in a row that may be cut. */
export const MAX_CUTS = 2;

/** How often a tab looks whether the leader was heard, on average. At the second look without it is asked, at the fourth it has gone. */
export const LOOK_MS = 1_500;
