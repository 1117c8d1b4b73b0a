import type { Listener, ListenerHandlers } from "../../broker.ts";
import type { RedisCommand, RedisSource, RedisTransport, TransportContext } from "../transport.ts";
import { Audit } from "./audit.ts";
import { ClusterRouter } from "./cluster-router.ts";
import { Commands } from "./commands.ts";
import type { RedisDriver } from "./driver.ts";
import { OutageLog } from "./outage.ts";
import { SingleRouter } from "./router.ts";
import { Subscription, type SubscriptionContext, type Whereabouts } from "./subscription.ts";

/** A way to Redis over connections: one for commands, and one for what is listened to; on a cluster, for each server in use. */
export function overConnections(driver: RedisDriver): RedisSource {
  const { identity, address, password, keyPrefix, db, seeds } = driver;
  return {
    ...{ identity, address, password, keyPrefix, db, isCluster: seeds !== undefined },
    open: (context) => new ConnectionTransport(driver, context),
  };
}

class ConnectionTransport implements RedisTransport {
  readonly #context: SubscriptionContext;
  readonly #commands: Commands;
  readonly #subscriptions = new Set<Subscription>();
  #cluster: ClusterRouter | undefined;
  #closing: Promise<void> | undefined;

  constructor(driver: RedisDriver, context: TransportContext) {
    this.#context = { ...context, driver, outages: new OutageLog({ ...context, address: driver.address }) };
    this.#commands = new Commands(this.#context, (commands) => {
      if (!driver.seeds) return new SingleRouter(this.#context, commands);
      this.#cluster = new ClusterRouter(this.#context, commands);
      return this.#cluster;
    });
  }

  send(command: RedisCommand): Promise<unknown> {
    return this.#commands.send(command);
  }

  listen(handlers: ListenerHandlers): Listener {
    const cluster = this.#cluster;
    const ended: Array<() => void> = [];
    const whereabouts: Whereabouts = {
      nodeOf: (live) => (cluster ? cluster.topology.nodeOf(live) : "only"),
      look: () => cluster?.topology.look(),
      refused: (live, error) => cluster?.refused(live, error) ?? false,
      ended: () => ended.forEach((run) => run()),
    };
    const subscription = new Subscription(this.#context, handlers, whereabouts);
    this.#subscriptions.add(subscription);
    ended.push(() => this.#subscriptions.delete(subscription));
    if (cluster) {
      const audit = new Audit({ context: this.#context, cluster, subscription, handlers });
      ended.push(cluster.watch(subscription), () => audit.stop());
    }
    if (this.#closing) subscription.close();
    return subscription;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#context.outages.close();
    await Promise.all([this.#commands.close(), ...[...this.#subscriptions].map((subscription) => subscription.end())]);
  }
}
