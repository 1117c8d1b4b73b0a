import { createRealtimeClient, type ConnectionStatus, type RealtimeClient, type RealtimeCursor } from "../../client/core.ts";
import { foldStatus, type LiveStatus } from "./live-status.ts";

/** The core's own ceiling of the time between two attempts. */
export const RECONNECT_MAX_MS = 30_000;

/** One subscription of a channel, and what is told of it. */
export interface ChannelListener {
  readonly channel: string;
  /** Where it stands, kept up to date. The same map again goes on there. */
  readonly cursors: Map<string, RealtimeCursor>;
  /** Where it begins when it stands nowhere yet. */
  readonly after?: string | undefined;
  /** No more than this between two attempts. */
  readonly reconnectMaxMs: number;
  onMessage(payload: unknown, channel: string): unknown;
  /** Messages may be missing. */
  onGap(): unknown;
  onStatus(status: LiveStatus): void;
}

interface Joined {
  readonly listener: ChannelListener;
  status: LiveStatus;
  end: () => void;
}

/** One for each endpoint, for as long as somebody listens there. */
const connections = new Map<string, Connection>();

/** Listens to a channel, over the one connection that this page has to the endpoint. @returns ends it; safe to call twice. */
export function listen(endpoint: string, listener: ChannelListener): () => void {
  let connection = connections.get(endpoint);
  if (!connection) connections.set(endpoint, (connection = new Connection(endpoint, () => connections.delete(endpoint))));
  return connection.join(listener);
}

class Connection {
  readonly #client: RealtimeClient;
  readonly #joined = new Set<Joined>();
  readonly #over: () => void;
  #stopStatus: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(endpoint: string, over: () => void) {
    this.#client = createRealtimeClient({ api: { url: endpoint } });
    this.#over = over;
  }

  join(listener: ChannelListener): () => void {
    const joined: Joined = { listener, status: "idle", end: () => {} };
    this.#joined.add(joined);
    this.#subscribe(joined);
    if (this.#stopStatus) this.#tell(joined, this.#client.getStatus());
    else {
      // After the channel was asked for: before, it is `disconnected` for want of one.
      this.#stopStatus = this.#client.subscribeStatus((status) => this.#changed(status));
      globalThis.window?.addEventListener("offline", this.#wentOffline);
    }
    return () => {
      if (!this.#joined.delete(joined)) return;
      if (this.#joined.size === 0) this.#close();
      joined.end();
    };
  }

  #close(): void {
    this.#over();
    this.#stopStatus?.();
    clearTimeout(this.#timer);
    globalThis.window?.removeEventListener("offline", this.#wentOffline);
  }

  #subscribe(joined: Joined): void {
    const { channel, cursors, after, ...listener } = joined.listener;
    joined.end = this.#client.subscribe({
      channels: [channel],
      cursors,
      after,
      onData: (message) => listener.onMessage(message.data, message.channel),
      onGap: () => listener.onGap(),
    });
  }

  #changed(status: ConnectionStatus): void {
    clearTimeout(this.#timer);
    const longest = Math.min(...[...this.#joined].map(({ listener }) => listener.reconnectMaxMs));
    if (status === "disconnected" && longest < RECONNECT_MAX_MS) this.#timer = setTimeout(() => this.#tryNow(), longest);
    for (const joined of this.#joined) this.#tell(joined, status);
  }

  readonly #wentOffline = (): void => {
    for (const joined of this.#joined) this.#tell(joined, this.#client.getStatus());
  };

  #tell(joined: Joined, connection: ConnectionStatus): void {
    const status = foldStatus(joined.status, connection, globalThis.navigator?.onLine !== false);
    if (status === joined.status) return;
    joined.status = status;
    joined.listener.onStatus(status);
  }

  /** Asks anew, from where everybody stands. */
  #tryNow(): void {
    for (const { end } of this.#joined) end();
    this.#client.destroy();
    for (const joined of this.#joined) this.#subscribe(joined);
  }
}
