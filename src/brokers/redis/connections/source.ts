import type { Listener, ListenerHandlers } from "../../broker.ts";
import type { RedisCommand, RedisSource, RedisTransport, TransportContext } from "../transport.ts";
import { Commands } from "./commands.ts";
import type { RedisDriver } from "./driver.ts";
import { OutageLog } from "./outage.ts";
import { SingleRouter } from "./router.ts";
import { Subscription, type SubscriptionContext } from "./subscription.ts";

/** A way to Redis over connections: one for commands, and one for what is listened to. */
export function overConnections(driver: RedisDriver): RedisSource {
  const { identity, address, keyPrefix, db } = driver;
  return { identity, address, keyPrefix, db, open: (context) => new ConnectionTransport(driver, context) };
}

class ConnectionTransport implements RedisTransport {
  readonly #context: SubscriptionContext;
  readonly #commands: Commands;
  readonly #subscriptions = new Set<Subscription>();
  #closing: Promise<void> | undefined;

  constructor(driver: RedisDriver, context: TransportContext) {
    this.#context = { ...context, driver, outages: new OutageLog(context.logger, driver.address) };
    this.#commands = new Commands(this.#context, (commands) => new SingleRouter(this.#context, commands));
  }

  send(command: RedisCommand): Promise<unknown> {
    return this.#commands.send(command);
  }

  listen(handlers: ListenerHandlers): Listener {
    const subscription = new Subscription(this.#context, handlers, () => this.#subscriptions.delete(subscription));
    this.#subscriptions.add(subscription);
    if (this.#closing) subscription.close();
    return subscription;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([this.#commands.close(), ...[...this.#subscriptions].map((subscription) => subscription.end())]);
  }
}
