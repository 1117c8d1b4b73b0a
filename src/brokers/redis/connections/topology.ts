import type { Timer } from "../../../protocol/clock.ts";
import { nameOf, parseSlots, type SlotMap } from "./cluster-nodes.ts";
import type { RedisNode } from "./driver.ts";
import { slotOf } from "./key-slot.ts";
import { Link, type LinkContext } from "./link.ts";

/** Someone who can be asked about the cluster, because a connection is there already. */
export interface Informant {
  readonly node: RedisNode;
  /** `undefined`: certainly not sent. */
  ask(name: string, args: readonly string[]): Promise<unknown> | undefined;
}

export interface TopologyHandlers {
  /** Who can be asked, in the order in which they are. */
  informants(): readonly Informant[];
  /** Slots have other servers now. */
  changed(): void;
  /** Whether something is still wrong that a new map may mend. */
  isTroubled(): boolean;
}

/** Time between two looks at a cluster in which something is wrong. */
const LOOK_AGAIN_MS = 300;
/** How long one server may take to answer before the next one is asked. */
const ANSWER_MS = 2_000;

/** What is known of a cluster: which server has which slot. Looks anew when it is told that it is wrong. */
export class Topology {
  readonly #context: LinkContext;
  readonly #handlers: TopologyHandlers;
  #map: SlotMap = [];
  #timer: Timer | undefined;
  #isLooking = false;
  /** A connection for nothing but to ask, while there is no other. */
  #scout: Link | undefined;
  #scoutTimer: Timer | undefined;
  #scouted = 0;
  #isClosed = false;
  #reason: unknown;

  constructor(context: LinkContext, handlers: TopologyHandlers) {
    this.#context = context;
    this.#handlers = handlers;
  }

  /** Why nobody said which server has what, when that is known. */
  get reason(): unknown {
    return this.#reason ?? this.#scout?.reason;
  }

  /** The server that has a key; `undefined` while that is not known. */
  nodeOf(key: string): RedisNode | undefined {
    const node = this.#map[slotOf(key)];
    if (!node) this.look();
    return node;
  }

  /** Whether a server has any slot. */
  has(node: RedisNode): boolean {
    return this.#map.some((other) => other !== undefined && nameOf(other) === nameOf(node));
  }

  /** A server said who has a slot. */
  learn(slot: number, node: RedisNode): void {
    const known = this.#map[slot];
    if (known && nameOf(known) === nameOf(node)) return;
    this.#map = this.#map.map((other, at) => (at === slot ? node : other));
    this.#handlers.changed();
    // Slots seldom move alone.
    this.look();
  }

  /** Asks for the map, soon. */
  look(): void {
    if (this.#isClosed || this.#isLooking || this.#timer) return;
    this.#isLooking = true;
    queueMicrotask(() => void this.#look());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#context.clock.clearTimeout(this.#timer);
    await this.#recall();
  }

  async #look(): Promise<void> {
    let map: SlotMap | undefined;
    for (const informant of this.#handlers.informants()) {
      map = await this.#ask(informant);
      if (map) break;
    }
    this.#isLooking = false;
    if (this.#isClosed) return;
    if (map) this.#take(map);
    else this.#sendScout();
    if (!map || this.#handlers.isTroubled()) this.#lookAgain();
  }

  async #ask({ node, ask }: Informant): Promise<SlotMap | undefined> {
    const { clock } = this.#context;
    const asked = ask("CLUSTER", ["SLOTS"]);
    if (!asked) return undefined;
    let timer: Timer | undefined;
    const late = new Promise<undefined>((resolve) => (timer = clock.setTimeout(() => resolve(undefined), ANSWER_MS)));
    const answered = asked.then(
      (reply) => parseSlots(reply, node),
      (error: unknown) => void (this.#reason = error),
    );
    const map = await Promise.race([answered, late]);
    clock.clearTimeout(timer);
    return map || undefined;
  }

  #take(map: SlotMap): void {
    void this.#recall();
    this.#reason = undefined;
    const before = this.#map;
    this.#map = map;
    const isSame = map.every((node, slot) => {
      const known = before[slot];
      return node === known || (node && known && nameOf(node) === nameOf(known));
    });
    if (!isSame || before.length === 0) this.#handlers.changed();
  }

  #lookAgain(): void {
    const delayMs = LOOK_AGAIN_MS * (0.5 + this.#context.clock.random());
    this.#timer = this.#context.clock.setTimeout(() => {
      this.#timer = undefined;
      this.look();
    }, delayMs);
  }

  /** Goes from server to server, the first ones and those that were known once, until one answers. */
  #sendScout(): void {
    if (this.#scout) return;
    const { driver, clock } = this.#context;
    const nodes = [...(driver.seeds ?? []), ...new Set(this.#map.filter((node) => node !== undefined))];
    const node = nodes[this.#scouted++ % nodes.length];
    if (!node) return;
    const isLast = this.#scouted % nodes.length === 0;
    const scout = new Link({
      kind: "commands",
      node,
      context: this.#context,
      handlers: {
        up: () => void report(),
        down() {},
        failed: () => {
          if (this.#scout !== scout || this.#isClosed) return;
          this.#reason = scout.reason;
          void this.#recall();
          // After a whole round there is a pause.
          if (!isLast) this.#sendScout();
        },
      },
    });
    const report = async (): Promise<void> => {
      const map = await this.#ask({ node, ask: (name, args) => scout.command(name, args) });
      if (map && this.#scout === scout && !this.#isClosed) this.#take(map);
    };
    this.#scout = scout;
    scout.open();
    this.#scoutTimer = clock.setTimeout(() => void this.#recall(), ANSWER_MS);
  }

  async #recall(): Promise<void> {
    const scout = this.#scout;
    this.#scout = undefined;
    this.#context.clock.clearTimeout(this.#scoutTimer);
    await scout?.close();
  }
}
