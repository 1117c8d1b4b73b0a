/** Default limits and times, in one place. Each that a user can change names its option. */

/** Channels in one request (`limits.maxChannels`). */
export const MAX_CHANNELS = 50;
/** Bytes of a request's URL, path and query (`limits.maxUrlBytes`). */
export const MAX_URL_BYTES: number = 8 * 1024;
/** Streams and waiting pages of one user, at one endpoint of one process (`limits.maxStreamsPerUser`). */
export const MAX_STREAMS_PER_USER = 50;
/** The same of one address: there can be many users behind it (`limits.maxStreamsPerAddress`). */
export const MAX_STREAMS_PER_ADDRESS = 500;
/** For so long a refused client is told to wait when there were too many streams. */
export const TOO_MANY_RETRY_SECS = 10;
/** Time for all that decide about one request together (`limits.decideSecs`). */
export const DECIDE_SECS = 10;
/** For so long a client is told to wait about whose request nobody decided in time. */
export const UNDECIDED_RETRY_SECS = 10;
/** Bytes of one event's JSON (`limits.maxPayloadBytes` of `Realtime`). */
export const MAX_PAYLOAD_BYTES: number = 1024 * 1024;
/** Bytes that may wait in one session's socket before the session leaves the live topic (`limits.maxBufferedBytes`). */
export const MAX_BUFFERED_BYTES: number = 256 * 1024;
/** Bytes that wait for all slow readers of a process (`limits.maxTotalBufferedBytes` of `Realtime`). */
export const MAX_TOTAL_BUFFERED_BYTES: number = 256 * 1024 * 1024;
/** Bytes of one channel that a stream catches up on before it goes on at the end of the log (`limits.maxReplayBytes`). */
export const MAX_REPLAY_BYTES: number = 64 * 1024 * 1024;
/** A stream whose reader takes nothing of what waits for it, for so many heartbeats, is ended; the reader resumes by its cursors. */
export const MAX_STALLED_HEARTBEATS = 3;
/** The longest time that a request for a page can ask the server to wait for an event (`wait`). */
export const MAX_PAGE_WAIT_SECS = 30;
/** For so long a page waits for channels that cannot be joined at once, unless it was asked to wait longer. */
export const PAGE_JOIN_MS = 5_000;
/** For so long a page that has events waits for its other channels: they could never come to word beside a busy one. */
export const PAGE_STRAGGLER_MS = 1_000;
/** A page of a log read ends at the entry that reaches this many bytes of JSON. */
export const PAGE_BYTES: number = 64 * 1024;
/** Log reads in flight in one process. */
export const MAX_READS_IN_FLIGHT = 8;
/** Bytes of encoded frames that a topic's ring holds. */
export const RING_BYTES: number = 256 * 1024;
/** Bytes of encoded frames that all rings of a process hold. */
export const TOTAL_RING_BYTES: number = 64 * 1024 * 1024;
/** Bytes of pages of the log that all topics of a process hold while several of their readers are behind. */
export const TOTAL_SHELF_BYTES: number = 64 * 1024 * 1024;
/** How long a topic outlives its last feed, so that a client which comes back is served from memory. */
export const TOPIC_LINGER_MS = 30_000;
/** Topics of a process that outlive their last feed; above that the one whose feed left first goes. */
export const MAX_LINGERING_TOPICS = 1_000;
/** Bytes that may queue on one topic while it catches up; above that the queue is dropped and the log read again. */
export const CATCH_UP_QUEUE_BYTES: number = 1024 * 1024;
/** Bytes that may queue on all topics of a process while they catch up. */
export const TOTAL_CATCH_UP_QUEUE_BYTES: number = 64 * 1024 * 1024;
/** Time between two comments on an idle stream. Bun closes a response that is idle for 10 s. */
export const HEARTBEAT_MS = 15_000;
export const BUN_HEARTBEAT_MS = 8_000;
/** Time between two looks at where the logs of quiet channels end, on a Redis Cluster. */
export const AUDIT_MS = 10_000;
/** JSON longer than this is not announced with its entry: each process reads it once from the log. */
export const MAX_ANNOUNCED_BYTES: number = 8 * 1024;
/** Time between two probes of a broker connection, and how long a probe may take (design: I13). */
export const PROBE_MS = 5_000;
/** Entries that a log keeps (`history.maxLength`). */
export const DEFAULT_MAX_LENGTH = 1_000;
/** Idle time after which a log expires (`history.expireAfterSecs`). */
export const DEFAULT_EXPIRE_AFTER_SECS: number = 24 * 60 * 60;
/** Life of one stream (`maxDurationSecs`), as serverless platforms limit it. */
export const DEFAULT_MAX_DURATION_SECS = 300;
/** Time over which `drain` spreads the return of its clients (`graceSecs`). */
export const DEFAULT_GRACE_SECS = 10;
/** While a server drains, a stream lives so much longer than the time at which its client was told to leave. */
export const DRAIN_OVERLAP_MS = 2_000;
/** Who has not taken the end of a response so long after its instance was closed is cut off. */
export const LAST_BYTES_AFTER_CLOSE_MS = 5_000;
/** For so long `disconnect` counts what other servers have ended (`timeoutSecs`). */
export const DEFAULT_DISCONNECT_SECS = 1;
/** Time within which `emit` settles (`emitTimeoutSecs`). */
export const DEFAULT_EMIT_TIMEOUT_SECS = 5;
/** For so long the `id` of an emit is remembered: a second emit with it stores nothing. */
export const ONCE_MS = 300_000;
/** Default and cap of `history({ limit })` (contract U-19). */
export const MAX_HISTORY_LIMIT = 1_000;
