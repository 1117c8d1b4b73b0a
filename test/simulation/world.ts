/**
 * The whole of it in one process: the real hub, sessions, endpoint and client, over a store, a network and a clock that are simulated.
 * A seed decides everything that happens; the oracle is the promise.
 */
import { createRealtimeClient } from "../../src/client/client.ts";
import type { RealtimeClient } from "../../src/client/options.ts";
import { CheckedSubscriber } from "../support/checked-subscriber.ts";
import { Chance } from "./chance.ts";
import { SimulatedNetwork, type Weather } from "./simulated-network.ts";
import { SimulatedRedis, type AnnouncementFaults } from "./simulated-redis.ts";
import { SimulatedServer } from "./simulated-server.ts";
import { SimulatedTime } from "./simulated-time.ts";

const CHANNELS = ["a", "b", "c"] as const;
/** One event is shown to nobody: a later version wrote it. */
const EVENTS = ["x.one", "x.two", "x.three", ""] as const;
const MAX_SUBSCRIBERS = 8;
const LARGE = " ".repeat(120_000);

const KINDS = [
  "emit", "emit", "emit", "emit", "emit", "emit", "emit", "emit", "emitMany", "emitMany", "emitMany", "emitMany",
  "subscribe", "subscribe", "subscribe", "subscribe", "subscribe", "unsubscribe", "channels", "channels", "goOn", "reload",
  "cut", "cut", "cut", "stall", "flow", "weather", "fair", "fair",
  "breakStore", "healStore", "healStore", "deafen", "slowStore", "loseAnnouncements",
  "crash", "start", "start", "close",
  "trim", "failOver", "expire",
] as const; // prettier-ignore
type Kind = (typeof KINDS)[number];

/** Something that happens. */
export interface Action {
  readonly kind: Kind;
  /** To which of those that there are. */
  readonly which: number;
  readonly count: number;
  /** How much later the next one happens, in milliseconds. */
  readonly pauseMs: number;
}

/** What a seed stands for. */
export interface Plan {
  readonly seed: number;
  readonly servers: number;
  readonly clients: number;
  /** How many entries a log keeps. */
  readonly keeps: number;
  readonly maxDurationMs: number;
  readonly actions: readonly Action[];
}

/** What a run that kept the promise was made of. */
export interface Outcome {
  readonly messages: number;
  readonly gaps: number;
}

/** Faults that lose entries; without them there must not be a gap. */
const LOSING = ["trim", "failOver", "expire"] as const;

export function planOf(seed: number): Plan {
  const chance = new Chance(seed);
  const isWhole = chance.happens(0.4);
  const mayReset = !isWhole && chance.happens(0.5);
  // A log that was born anew goes on without a gap for who heard all of the life before; and to hear is what is trusted there. So what is
  // announced is not lost in silence in the same world: a connection that broke says so.
  const isHeard = mayReset || chance.happens(0.5);
  const left = new Set<Kind>([
    ...(isWhole ? LOSING : []),
    ...(mayReset ? [] : (["failOver", "expire"] as const)),
    ...(isHeard ? (["loseAnnouncements"] as const) : []),
  ]);
  const kinds = KINDS.filter((kind) => !left.has(kind));
  return {
    seed,
    servers: 1 + chance.below(3),
    clients: 1 + chance.below(3),
    keeps: isWhole ? Infinity : chance.pick([5, 20, 100, Infinity]),
    maxDurationMs: chance.pick([8_000, 30_000, 300_000]),
    actions: Array.from({ length: 30 + chance.below(90) }, () => ({
      kind: chance.pick(kinds),
      which: chance.below(1_000),
      count: chance.below(1_000),
      pauseMs: chance.happens(0.1) ? chance.next() * 20_000 : chance.next() ** 3 * 800,
    })),
  };
}

/** Plays a plan to its end. @throws what the oracle has to say */
export async function play({
  seed,
  servers: serverCount,
  clients: clientCount,
  keeps,
  maxDurationMs,
  actions,
}: Plan): Promise<Outcome> {
  const chance = new Chance(seed ^ 0x5bd1e995);
  const time = new SimulatedTime(chance.next);
  const redis = new SimulatedRedis(time, keeps);
  const faults: AnnouncementFaults = { lost: 0, doubled: 0.05 };
  const servers = Array.from(
    { length: serverCount },
    () => new SimulatedServer(time, () => redis.connect(chance, faults), maxDurationMs),
  );
  const network = new SimulatedNetwork(time, chance, servers);
  const pages = Array.from({ length: clientCount }, () => new Page(time, network, redis));
  for (const page of pages) page.subscribe(chance.below(1_000), chance.below(1_000));
  const pick = <T>(list: readonly T[], which: number): T | undefined => list[which % Math.max(1, list.length)];

  const emit = (which: number, count: number): void => {
    const server = pick(servers, which)?.broker;
    const event = EVENTS[count % EVENTS.length] as string;
    // Two or three large ones fill what a stream may have in its socket.
    const draft = { event, json: count % 40 === 0 ? LARGE : "", emitId: "" };
    server?.append(CHANNELS[count % CHANNELS.length] as string, draft).catch(() => {});
  };

  for (const { kind, which, count, pauseMs } of actions) {
    const page = pick(pages, which) as Page;
    const server = pick(servers, which) as SimulatedServer;
    const log = redis.log(CHANNELS[count % CHANNELS.length] as string);
    if (kind === "emit") emit(which, count);
    else if (kind === "emitMany") for (let n = 0; n < 12; n++) emit(which, count + n * 7);
    else if (kind === "subscribe") page.subscribe(which, count);
    else if (kind === "unsubscribe") page.subscriber(count)?.stop();
    else if (kind === "channels") page.subscriber(which)?.start(channelsOf(count));
    else if (kind === "goOn") page.goOn(count);
    else if (kind === "reload") page.reload();
    else if (kind === "cut") pick(network.connections, which)?.cut();
    else if (kind === "stall") for (const one of network.connections) one.isStalled ||= chance.happens(0.5);
    else if (kind === "flow") flow(network);
    else if (kind === "weather") network.weather = chance.pick<Weather>(["refuse", "gateway", "hole"]);
    else if (kind === "fair") network.weather = "fair";
    else if (kind === "breakStore") server.broker?.break();
    else if (kind === "healStore") server.broker?.heal();
    else if (kind === "deafen") server.broker?.deafen();
    else if (kind === "slowStore" && server.broker) server.broker.slowUntil = time.now() + count * 20;
    else if (kind === "loseAnnouncements") faults.lost = chance.pick([0, 0.3, 1]);
    else if (kind === "crash") server.crash();
    else if (kind === "start") server.start();
    else if (kind === "close") server.close();
    else if (kind === "trim") log.trim(count % 4);
    else if (kind === "failOver") log.failOver(1 + (count % 3));
    else if (kind === "expire") log.expire();
    // oxlint-disable-next-line no-await-in-loop -- one thing after the other
    await time.pass(pauseMs);
  }

  // Everything heals; then everybody must have everything.
  network.weather = "fair";
  faults.lost = 0;
  await time.pass(200);
  for (const server of servers) {
    server.start();
    server.broker?.heal();
  }
  await time.pass(50_000);
  flow(network);
  await time.pass(70_000);
  // What was announced and not heard shows when something follows it.
  for (const channel of CHANNELS) redis.store(channel, "x.one");
  await time.pass(60_000);
  // A stream whose time is over moves on just now.
  for (let n = 0; n < 40 && pages.some((page) => !page.isAsItShould); n++) await time.pass(250);
  for (const page of pages) page.finish();
  const outcome = {
    messages: sum(pages.map(({ messages }) => messages)),
    gaps: sum(pages.map(({ gaps }) => gaps)),
  };
  for (const page of pages) page.close();
  for (const server of servers) server.crash();
  await time.pass(5_000);
  if (network.connections.length > 0) throw new Error("I9 Close: a connection is left");
  return outcome;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
const channelsOf = (which: number): string[] => CHANNELS.filter((_, index) => (which >> index) & 1);

function flow(network: SimulatedNetwork): void {
  for (const connection of network.connections) {
    connection.isStalled = false;
    connection.go();
  }
}

/** A browser's page: a client and its subscribers. */
class Page {
  messages = 0;
  gaps = 0;
  readonly #time: SimulatedTime;
  readonly #network: SimulatedNetwork;
  readonly #redis: SimulatedRedis;
  #client: RealtimeClient;
  #subscribers: CheckedSubscriber[] = [];

  constructor(time: SimulatedTime, network: SimulatedNetwork, redis: SimulatedRedis) {
    this.#time = time;
    this.#network = network;
    this.#redis = redis;
    this.#client = this.#open();
  }

  #open(): RealtimeClient {
    return createRealtimeClient({ api: { url: "/events" }, fetch: this.#network.fetch, clock: this.#time });
  }

  subscriber(which: number): CheckedSubscriber | undefined {
    return this.#subscribers[which % Math.max(1, this.#subscribers.length)];
  }

  subscribe(which: number, count: number): void {
    if (this.#subscribers.length >= MAX_SUBSCRIBERS) return;
    const channels = channelsOf(1 + (which % 7));
    const subscriber = new CheckedSubscriber(this.#client, this.#logs(), count % 5 === 0 ? ["x.two"] : []);
    const entries = channels.length === 1 ? this.#redis.log(channels[0] as string).entries : [];
    const held = entries[count % Math.max(1, entries.length)];
    const kinds = [{}, {}, { history: true }, { history: { limit: 1 + (count % 3) } }, held ? { after: held.id } : {}] as const;
    subscriber.start(channels, kinds[(count >> 3) % kinds.length]);
    this.#subscribers.push(subscriber);
  }

  /** Stops, and goes on where it stood. */
  goOn(which: number): void {
    const subscriber = this.subscriber(which);
    subscriber?.start([...subscriber.cursors.keys()]);
  }

  /** The page goes, with everybody on it. */
  reload(): void {
    this.#count();
    this.#client.destroy();
    this.#client = this.#open();
    this.#subscribers = [];
  }

  /** Whether its status is that of a page where all is well. */
  get isAsItShould(): boolean {
    const isWanted = this.#subscribers.some(({ channels }) => channels.length > 0);
    return this.#client.getStatus() === (isWanted ? "connected" : "disconnected");
  }

  finish(): void {
    for (const subscriber of this.#subscribers) subscriber.finish();
    if (!this.isAsItShould) throw new Error(`the status is "${this.#client.getStatus()}" when all is well`);
    this.#count();
  }

  close(): void {
    this.#client.destroy();
  }

  #count(): void {
    for (const subscriber of this.#subscribers) {
      subscriber.check();
      this.messages += subscriber.messages;
      this.gaps += subscriber.gaps;
    }
  }

  #logs(): ConstructorParameters<typeof CheckedSubscriber>[1] {
    // A stream that is on its way may lag behind the log.
    return { log: (channel) => this.#redis.log(channel), mayLag: () => true };
  }
}
