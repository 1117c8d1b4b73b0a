/**
 * The whole of it in one process: the real hub, sessions, admission and client, over a store, a network and a clock that are simulated.
 * A seed decides everything that happens; the oracle is the promise.
 *
 * One thing is left out. An announcement that is lost while both sides believe in the connection, with a log that expires and is born
 * again before the next event of its channel: nobody is told of that one, because a log that begins anew is believed by who has heard
 * everything. Redis does not lose what it sends while a connection stands, so there is no such world here either (see `plan.ts`).
 */
import type { FeedStart } from "../../src/hub/feed.ts";
import { Chance } from "./chance.ts";
import { EventSourceReader } from "./event-source-reader.ts";
import { Page } from "./page.ts";
import type { Action, Plan } from "./plan.ts";
import { ServerSubscriber } from "./server-subscriber.ts";
import { SimulatedNetwork, type Weather } from "./simulated-network.ts";
import { SimulatedRedis, type AnnouncementFaults, type SimulatedBroker } from "./simulated-redis.ts";
import { SimulatedServer } from "./simulated-server.ts";
import { SimulatedTime } from "./simulated-time.ts";

const CHANNELS = ["a", "b", "c"] as const;
/** One event is shown to nobody: a later version wrote it. */
const EVENTS = ["x.one", "x.two", "x.three", ""] as const;
const MAX_SERVER_SUBSCRIBERS = 4;
const MAX_EVENT_SOURCES = 2;
/** Payloads of bytes: one of them fills the sockets of most worlds, and the largest is not sent along with its announcement. */
const SIZES = [0, 0, 0, 0, 0, 0, 200, 600, 2_500] as const;

/** When everything has healed, everybody has everything after this time: streams that stand still are given up, and waits end. */
const MAX_RECOVERY_MS = 150_000;
/** For so long it is watched whether something comes that should not. */
const AFTERMATH_MS = 2_000;

/** What a run that kept the promise was made of. */
export interface Outcome {
  readonly messages: number;
  readonly gaps: number;
  /** Of all that was shown, and when: the same for the same plan. */
  readonly digest: number;
}

/** Plays a plan to its end. @throws what the oracle has to say */
export async function play(plan: Plan): Promise<Outcome> {
  const world = new World(plan);
  for (const action of plan.actions) {
    // oxlint-disable-next-line no-await-in-loop -- one thing after the other
    await world.act(action);
  }
  await world.calm();
  return world.end();
}

const pick = <T>(list: readonly T[], which: number): T | undefined => list[which % Math.max(1, list.length)];
const channelsOf = (which: number): string[] => CHANNELS.filter((_, index) => (which >> index) & 1);
const channelOf = (which: number): string => CHANNELS[which % CHANNELS.length] as string;

class World {
  readonly #plan: Plan;
  readonly #chance: Chance;
  readonly #time: SimulatedTime;
  readonly #redis: SimulatedRedis;
  readonly #faults: AnnouncementFaults = { lost: 0, doubled: 0.05 };
  readonly #servers: readonly SimulatedServer[];
  readonly #network: SimulatedNetwork;
  readonly #pages: readonly Page[];
  /** Those of servers that live. */
  #serverSubscribers: ServerSubscriber[] = [];
  #eventSources: EventSourceReader[] = [];
  #messages = 0;
  #gaps = 0;
  #digest = 0;

  constructor(plan: Plan) {
    const { seed, servers, clients, keeps, isHeard, maxDurationMs, bufferBytes } = plan;
    // Chance of their own, so that one thing that happens less does not change all the others.
    const chanceOf = (salt: number): Chance => new Chance((seed ^ salt) * 31 + salt);
    this.#plan = plan;
    this.#chance = chanceOf(0x5bd1);
    this.#time = new SimulatedTime(chanceOf(0x1b87).next);
    this.#redis = new SimulatedRedis(this.#time, { keeps, isHeard });
    const storeChance = chanceOf(0x3c6e);
    const connect = (): SimulatedBroker => this.#redis.connect(storeChance, this.#faults);
    this.#servers = Array.from({ length: servers }, () => new SimulatedServer(this.#time, connect, maxDurationMs));
    this.#network = new SimulatedNetwork({ time: this.#time, chance: chanceOf(0x7f4a), servers: this.#servers, bufferBytes });
    this.#pages = Array.from({ length: clients }, () => new Page(this.#network, this.#redis, this.#noteShown));
    for (const page of this.#pages) page.subscribe(channelsOf(1 + this.#chance.below(7)), this.#chance.below(1_000));
  }

  readonly #noteShown = (channel: string, cursor: string): void => {
    const text = `${channel}${cursor}@${this.#time.now()}`;
    for (let at = 0; at < text.length; at++) this.#digest = (Math.imul(this.#digest, 31) + text.charCodeAt(at)) >>> 0;
  };

  async act({ kind, which, count, pauseMs }: Action): Promise<void> {
    const chance = this.#chance;
    const network = this.#network;
    const page = pick(this.#pages, which) as Page;
    const server = pick(this.#servers, which) as SimulatedServer;
    const { broker } = server;
    const log = this.#redis.log(channelOf(count));
    if (kind === "emit") this.#emit(which, count);
    else if (kind === "emitMany") for (let n = 0; n < 12; n++) this.#emit(which, count + n * 7);
    else if (kind === "storm") this.#storm(10 + (count % 20), which * 4);
    else if (kind === "subscribe") page.subscribe(channelsOf(1 + (which % 7)), count);
    else if (kind === "unsubscribe") page.subscriber(count)?.stop();
    else if (kind === "channels") page.subscriber(which)?.start(channelsOf(count));
    else if (kind === "goOn") page.goOn(count);
    else if (kind === "reload") page.reload();
    else if (kind === "subscribeServer") this.#subscribeServer(server, count);
    else if (kind === "openEventSource") this.#openEventSource(which, count);
    else if (kind === "closeEventSource") this.#closeEventSource(pick(this.#eventSources, which));
    else if (kind === "cut") pick(network.connections, which)?.cut();
    else if (kind === "stall") for (const one of network.connections) one.isStalled ||= chance.happens(0.5);
    else if (kind === "slow") for (const one of network.connections) one.isSlow ||= chance.happens(0.5);
    else if (kind === "flow") for (const one of network.connections) one.flow();
    else if (kind === "weather") network.weather = chance.pick<Weather>(["refuse", "gateway", "hole"]);
    else if (kind === "fair") network.weather = "fair";
    else if (kind === "breakStore") broker?.break();
    else if (kind === "healStore") broker?.heal();
    else if (kind === "deafen") broker?.deafen();
    else if (kind === "halfOpen") broker?.halfOpen(count * 10);
    else if (kind === "flap" && broker) this.#flap(broker, count);
    else if (kind === "slowStore" && broker) broker.slowUntil = this.#time.now() + count * 20;
    else if (kind === "lateStore" && broker) broker.lateUntil = this.#time.now() + count * 20;
    else if (kind === "refuse" && broker) broker.refusesUntil = this.#time.now() + count * 20;
    else if (kind === "restartStore") this.#restartStore(which, count);
    else if (kind === "loseAnnouncements") this.#faults.lost = chance.pick([0, 0.3, 1]);
    else if (kind === "crash") server.crash();
    else if (kind === "start") server.start();
    else if (kind === "close") server.close();
    else if (kind === "trim") log.trim(count % 4);
    else if (kind === "failOver") log.failOver(1 + (count % 3));
    else if (kind === "expire") this.#redis.expire(channelOf(count));
    else if (kind === "sleep" && broker) this.#sleep(broker, page, count);
    else if (kind === "replace") this.#replace(page, which, count);
    else if (kind === "calm") await this.calm();
    await this.#time.pass(pauseMs);
  }

  #emit(which: number, count: number): void {
    const event = EVENTS[count % EVENTS.length] as string;
    const json = " ".repeat(SIZES[count % SIZES.length] as number);
    pick(this.#servers, which)
      ?.broker?.append(channelOf(count), { event, json, emitId: "" })
      .catch(() => {});
  }

  /** Events that come while other things happen. */
  #storm(events: number, durationMs: number): void {
    for (let n = 0; n < events; n++) {
      const [which, count] = [this.#chance.below(1_000), this.#chance.below(1_000)];
      this.#time.setTimeout(() => this.#emit(which, count), this.#chance.next() * durationMs);
    }
  }

  /** The subscription breaks again while the log is read for the sake of the first time, and that takes long. */
  #flap(broker: SimulatedBroker, count: number): void {
    broker.slowUntil = this.#time.now() + 3_000;
    broker.deafen();
    this.#time.setTimeout(() => {
      broker.deafen();
      this.#time.setTimeout(() => this.#redis.store(channelOf(count), "x.one"), 20);
    }, 300 + count);
  }

  /** A server's machine sleeps while a log lives and expires, and finds out later that it heard nothing meanwhile. */
  #sleep(broker: SimulatedBroker, page: Page, count: number): void {
    const channel = channelOf(count);
    broker.halfOpen(count * 10);
    this.#redis.store(channel, "x.one");
    this.#redis.expire(channel);
    // Who comes now knows more than the server does.
    this.#time.setTimeout(() => page.subscribe([channel], count), this.#chance.next() * 1_000);
  }

  /** A log is replaced while a page moves from one stream to the next, and servers notice at different times. */
  #replace(page: Page, which: number, count: number): void {
    const channel = channelOf(count);
    page.subscribe([channel], which);
    for (const { broker } of this.#servers) {
      if (broker && this.#chance.happens(0.5)) broker.slowUntil = broker.lateUntil = this.#time.now() + 3_000;
    }
    this.#redis.expire(channel);
    for (let n = 0; n < 3; n++) {
      this.#time.setTimeout(() => this.#redis.store(channel, "x.one"), this.#chance.next() * 3_000);
    }
  }

  /** With all that it held, without the newest, or with nothing. */
  #restartStore(which: number, count: number): void {
    for (const { broker } of this.#servers) broker?.break();
    if (this.#plan.mayReset && count % 3 === 2) this.#redis.begin();
    for (const channel of this.#plan.mayReset ? CHANNELS : []) {
      if (count % 3 === 1) this.#redis.log(channel).restart(1 + (which % 5));
      if (count % 3 === 2) this.#redis.log(channel).restart(Infinity);
    }
    for (const { broker } of this.#servers) this.#time.setTimeout(() => broker?.heal(), 100 + this.#chance.next() * count);
  }

  #subscribeServer(server: SimulatedServer, count: number): void {
    this.#forgetDead();
    const { hub } = server;
    if (!hub || this.#serverSubscribers.length >= MAX_SERVER_SUBSCRIBERS) return;
    const channel = channelOf(count);
    const held = pick(this.#redis.log(channel).entries, count);
    const starts: readonly FeedStart[] = [
      { kind: "live" },
      { kind: "held" },
      { kind: "newest", count: 1 + (count % 4) },
      held ? { kind: "after", cursor: held.id } : { kind: "live" },
    ];
    this.#serverSubscribers.push(
      new ServerSubscriber({
        ...{ hub, channel, redis: this.#redis },
        start: starts[(count >> 3) % starts.length] as FeedStart,
        time: this.#time,
        workMs: this.#chance.pick([0, 0, 5, 200]),
        onShown: this.#noteShown,
      }),
    );
  }

  #openEventSource(which: number, count: number): void {
    if (this.#eventSources.length >= MAX_EVENT_SOURCES) return;
    const channels = channelsOf(1 + (which % 7));
    const starts = channels.map((channel, index) => {
      const held = pick(this.#redis.log(channel).entries, count)?.id ?? "";
      return ["", "-", `-${1 + (count % 4)}`, held][(count + index) % 4] as string;
    });
    this.#eventSources.push(
      new EventSourceReader({
        ...{ network: this.#network, redis: this.#redis, channels, starts },
        spelling: which >> 3,
        onShown: this.#noteShown,
      }),
    );
  }

  #closeEventSource(reader: EventSourceReader | undefined): void {
    if (!reader) return;
    reader.close();
    this.#count(reader);
    this.#eventSources = this.#eventSources.filter((other) => other !== reader);
  }

  /** What was subscribed to on a server that is gone. */
  #forgetDead(): void {
    const isDead = ({ hub }: ServerSubscriber): boolean => this.#servers.every((server) => server.hub !== hub);
    for (const subscriber of this.#serverSubscribers.filter(isDead)) this.#count(subscriber);
    this.#serverSubscribers = this.#serverSubscribers.filter((subscriber) => !isDead(subscriber));
  }

  #count(counted: { readonly messages: number; readonly gaps: number; check(): void }): void {
    counted.check();
    this.#messages += counted.messages;
    this.#gaps += counted.gaps;
  }

  /** Everything heals; then everybody must have everything. */
  async calm(): Promise<void> {
    const { isHeard } = this.#plan;
    this.#network.weather = "fair";
    this.#faults.lost = 0;
    // Who is about to go has gone then.
    await this.#time.pass(200);
    for (const server of this.#servers) {
      server.start();
      const broker = server.broker as SimulatedBroker;
      broker.heal();
      broker.slowUntil = broker.lateUntil = broker.refusesUntil = 0;
    }
    for (const connection of this.#network.connections) connection.flow();
    // What comes while everybody catches up. Or nothing, which would wake who sleeps.
    if (this.#chance.happens(0.5)) this.#storm(4, 1_500);
    await this.#time.pass(1_500);
    if (isHeard) {
      await this.#recover();
      for (const one of this.#readers) one.checkHeld();
    }
    // What was announced and not heard shows when something follows it, and so does what became of a log.
    for (const channel of CHANNELS) this.#redis.store(channel, "x.one");
    await this.#recover();
    for (const page of this.#pages) page.finish();
    for (const one of [...this.#serverSubscribers, ...this.#eventSources]) one.checkHeld();
  }

  get #readers(): ReadonlyArray<Page | ServerSubscriber | EventSourceReader> {
    return [...this.#pages, ...this.#serverSubscribers, ...this.#eventSources];
  }

  async #recover(): Promise<void> {
    this.#forgetDead();
    const until = this.#time.now() + MAX_RECOVERY_MS;
    const isOver = (): boolean => this.#time.now() >= until || this.#readers.every(({ hasAll }) => hasAll);
    /* oxlint-disable no-await-in-loop -- time passes */
    do {
      while (!isOver()) await this.#time.pass(250);
      // Also what is still on its way into the log.
      await this.#time.pass(AFTERMATH_MS);
    } while (!isOver());
    /* oxlint-enable no-await-in-loop */
  }

  async end(): Promise<Outcome> {
    for (const page of this.#pages) {
      page.close();
      this.#count(page);
    }
    for (const reader of this.#eventSources) this.#closeEventSource(reader);
    for (const server of this.#servers) server.crash();
    this.#forgetDead();
    await this.#time.pass(15_000);
    if (this.#network.connections.length > 0) throw new Error("I9 Close: a connection is left");
    if (this.#time.pending > 0) throw new Error("I9 Close: a timer is left");
    return { messages: this.#messages, gaps: this.#gaps, digest: this.#digest };
  }
}
