import type { Listener, ListenerHandlers } from "../../broker.ts";
import { OutageLog } from "../connections/outage.ts";
import type { RedisCommand, RedisTransport, TransportContext } from "../transport.ts";
import { Announcements } from "./announcements.ts";
import { RestCommands } from "./commands.ts";
import { Endpoint, type EndpointOptions } from "./endpoint.ts";
import { RestListener, type StreamSlots } from "./listener.ts";

/** Streams of one process. */
const MAX_STREAMS = 16;

/** A way to Redis over HTTP. Holds no connection and no timer while nothing is sent and nobody listens. */
export function createRestTransport(context: TransportContext, address: string, options: EndpointOptions): RedisTransport {
  return new RestTransport(context, address, options);
}

class RestTransport implements RedisTransport {
  readonly #context: TransportContext;
  readonly #address: string;
  readonly #endpoint: Endpoint;
  readonly #outages: OutageLog;
  readonly #announcements: Announcements;
  readonly #commands: RestCommands;
  readonly #listeners = new Set<RestListener>();
  readonly #slots: StreamSlots = { free: MAX_STREAMS };
  #isClosed = false;

  constructor(context: TransportContext, address: string, options: EndpointOptions) {
    this.#context = context;
    this.#address = address;
    this.#endpoint = new Endpoint(options, context.clock);
    this.#outages = new OutageLog({ ...context, address });
    this.#announcements = new Announcements({
      clock: context.clock,
      ring: ({ key, live, id }) => this.#commands.ring(key, live, id),
      deaf: (live) => {
        for (const listener of this.#listeners) listener.deaf(live);
      },
      unheard: () =>
        context.warnOnce(
          `tidings: what scripts publish does not reach the streams of ${address}. Each emit of this process announces itself with a command of its own from now on.`,
        ),
    });
    this.#commands = new RestCommands({
      context,
      endpoint: this.#endpoint,
      outages: this.#outages,
      announcements: this.#announcements,
    });
  }

  send(command: RedisCommand): Promise<unknown> {
    return this.#commands.send(command);
  }

  listen(handlers: ListenerHandlers): Listener {
    const listener = new RestListener(
      {
        context: this.#context,
        address: this.#address,
        endpoint: this.#endpoint,
        outages: this.#outages,
        announcements: this.#announcements,
        slots: this.#slots,
      },
      handlers,
    );
    if (this.#isClosed) listener.close();
    else this.#listeners.add(listener);
    return {
      join: (channel) => listener.join(channel),
      leave: (channel) => listener.leave(channel),
      close: () => {
        listener.close();
        this.#listeners.delete(listener);
      },
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#outages.close();
    this.#announcements.close();
    for (const listener of this.#listeners) listener.close();
    this.#listeners.clear();
    this.#commands.close();
    this.#endpoint.close();
  }
}
