/** What our own connections are told, whatever the user's client was told. */
export const OWN_OPTIONS = {
  keyPrefix: "",
  connectionName: undefined,
  lazyConnect: false,
  // It lives once; it neither sends again nor keeps for later: the engine knows what may be repeated, and when.
  retryStrategy: () => null,
  sentinelRetryStrategy: () => null,
  autoResendUnfulfilledCommands: false,
  enableOfflineQueue: false,
  autoResubscribe: false,
  maxRetriesPerRequest: null,
  reconnectOnError: null,
  enableAutoPipelining: false,
  // The engine watches the connection itself.
  enableReadyCheck: false,
  commandTimeout: undefined,
  socketTimeout: undefined,
  monitor: false,
  readOnly: false,
  stringNumbers: false,
  replyMapping: "legacy",
  showFriendlyErrorStack: false,
  himportFieldsets: undefined,
  scripts: undefined,
  // Milliseconds to a closed socket, with the other side's consent or without.
  disconnectTimeout: 1,
};
