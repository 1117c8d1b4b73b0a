import { Ledger } from "./ledger.ts";
import type { ListedOrder, Order } from "./order.ts";
import { PhoneView, type PhoneKind, type Way } from "./phone-view.ts";
import type { DemoState } from "./state.ts";
import type { Gap } from "tidings/client/core";

type GapReason = Gap["reason"];

/** How long an order may take before a connected phone has lost it. */
const DUE_MS = 2_000;
/** A try that is put off for longer than this asks for a word about it. */
const PATIENCE_MS = 1_000;
const BACKING_OFF = "Each try that fails makes it wait longer for the next, up to 30 s. It never gives up.";
/** Why there is a gap. */
const WHY_GAP: Readonly<Record<GapReason | "memory", string>> = {
  trimmed: "the log no longer had it all",
  reset: "the log began anew",
  memory: "the log died with the server",
  unproven: "some may be missing",
  limit: "more was missed than the server replays",
};

/** One phone: what it shows, and the ledger under it. How the orders reach it is not its business. */
export class Phone {
  readonly name: string;
  readonly view: PhoneView;
  readonly #ledger = new Ledger();
  readonly #hasLog: boolean;
  #state: DemoState | undefined;
  #unknown: ReadonlySet<number> = new Set();
  /** When each number was seen to be placed, on the page's clock. */
  #placed: Array<{ readonly n: number; readonly at: number }> = [];
  #onlineSince: number | undefined;
  /** Whether it was away since its last note. */
  #wasAway = false;
  /** Since when it waits for its next try, although nothing is in the way. */
  #putOffSince: number | undefined;
  #isBackingOff = false;
  #replayed = 0;
  #notedReplays = false;
  /** Whether the log died while it was away. */
  #logDied = false;
  /** What was lost before it went away. */
  #lostBefore = 0;
  #lost = 0;
  #gapAfter: number | undefined;
  #fetching = 0;

  constructor(name: string, kind: PhoneKind) {
    this.name = name;
    this.#hasLog = kind.hasLog;
    this.view = new PhoneView(name, kind);
  }

  /** The highest number that it has shown. */
  get highest(): number {
    return this.#ledger.highest;
  }

  /** Its connection came or went; without one, it may wait before it tries again. */
  online(yes: boolean, { isBackingOff = false } = {}): void {
    this.#isBackingOff = isBackingOff;
    if (yes === (this.#onlineSince !== undefined)) return;
    this.#onlineSince = yes ? performance.now() : undefined;
    if (!yes) this.#goAway();
    else if (this.#wasAway && !this.#hasLog) this.view.note("Back. What it missed, nobody can tell it.");
    this.refresh();
  }

  /** An event came. */
  show(order: Order, way: Way = "live"): void {
    const lateMs = Date.now() - order.at;
    const skipped = this.#ledger.skippedBefore(order.n, this.#unknown);
    // Behind a gap nothing is a surprise: it was announced, and the list is being fetched.
    if (skipped.length > 0 && this.#gapAfter === undefined) this.view.hole(skipped);
    this.#gapAfter = undefined;
    if (way === "replayed") {
      this.#replayed += 1;
      // The page can believe that all is here while the last of them is still on its way.
      if (this.#notedReplays) this.#noteReplays();
    }
    if (this.#ledger.event(order.n)) this.view.order(order, way, lateMs);
    this.refresh();
  }

  /** Events may be missing, says the library: `fetchOrders` gets the list from where it is kept. */
  async gap(reason: GapReason, fetchOrders: () => Promise<readonly ListedOrder[]>): Promise<void> {
    this.#gapAfter = this.#ledger.highest;
    const rewrite = this.view.gap(this.#gapAfter, [`gap (${reason})`, "fetching the list …"]);
    this.#fetching += 1;
    this.refresh();
    let outcome = "no list to be had";
    try {
      let filled = 0;
      for (const order of await fetchOrders()) {
        if (!this.#ledger.covers(order.n) || this.#ledger.has(order.n)) continue;
        this.#ledger.show(order.n);
        this.view.order(order, "fetched", undefined);
        filled += 1;
      }
      outcome = `list fetched, ${filled > 0 ? `${filled} filled in` : "none missing"}`;
    } catch {
      // The ledger shows what that costs.
    }
    rewrite([`gap (${reason})`, outcome]);
    this.#fetching -= 1;
    this.#wasAway = false;
    const told = this.#replayed > 0 ? `${this.#replayed} replayed. ` : "";
    const why = WHY_GAP[reason === "reset" && !this.#state?.redis ? "memory" : reason];
    this.view.note(`${told}One gap: ${why}; ${outcome}.`);
    this.refresh();
  }

  /** The shop has news. */
  learn(state: DemoState): void {
    this.#state = state;
    this.#unknown = new Set(state.unknown);
    const at = performance.now();
    if (state.placed !== this.#placed.at(-1)?.n) this.#placed = [...this.#placed.slice(-100), { n: state.placed, at }];
    this.refresh();
  }

  refresh(): void {
    const state = this.#state;
    if (!state) return;
    const now = performance.now();
    const ripe = this.#onlineSince !== undefined && this.#onlineSince + DUE_MS <= now;
    const due = ripe ? (this.#placed.findLast(({ at }) => at + DUE_MS <= now)?.n ?? 0) : 0;
    const fetching = this.#fetching > 0;
    const balance = this.#ledger.balance({ placed: state.placed, unknown: this.#unknown, due, fetching });
    const { cut, cutMs, server } = state.phones.find(({ phone }) => phone === this.name) ?? {
      cut: false,
      cutMs: 0,
      server: "A",
    };
    const up = state.servers.find(({ name }) => name === server)?.up ?? false;
    const missing = this.#hasLog ? `wait${balance?.waiting === 1 ? "s" : ""}` : "missed";
    const waits = balance && balance.waiting > 0 ? ` · ${balance.waiting} ${missing}` : "";
    this.#lost = balance?.lost ?? 0;

    // The state is older than the connection: who has one is not cut off any more.
    const away = this.#onlineSince === undefined;
    this.#putOffSince = away && !cut && up && this.#isBackingOff ? (this.#putOffSince ?? now) : undefined;
    this.view.cutting(cut);
    if (!away) this.view.state("live", "live");
    else if (cut) this.view.state("away", `cut off${cutMs > 0 ? `, ${Math.ceil(cutMs / 1_000)} s` : ""}${waits}`);
    else if (!up) this.view.state("away", `server ${server} is down${waits}`);
    else if (!this.#wasAway) this.view.state("opening", "opening");
    else if (this.#putOffSince === undefined) this.view.state("away", `coming back${waits}`);
    else this.view.state("away", `backing off, ${Math.floor((now - this.#putOffSince) / 1_000)} s${waits}`);
    if (away && this.#wasAway) {
      this.#logDied ||= !up && !state.redis;
      const isPutOff = this.#putOffSince !== undefined && now - this.#putOffSince > PATIENCE_MS;
      this.view.note(isPutOff ? BACKING_OFF : this.#keeper(state));
    }
    this.view.balance(balance);
    if (!away && this.#wasAway && balance && balance.waiting === 0) this.#comeBack();
  }

  /** What becomes of the orders that it misses. */
  #keeper({ keepsFew }: DemoState): string {
    if (!this.#hasLog) return "What it misses is kept nowhere.";
    if (this.#logDied) return "The log died with the server.";
    return keepsFew ? "The log keeps the last 3 of what it misses." : "What it misses waits in the log.";
  }

  #goAway(): void {
    if (this.#wasAway || this.#ledger.highest === 0) return;
    this.#wasAway = true;
    this.#replayed = 0;
    this.#notedReplays = false;
    this.#logDied = false;
    this.#lostBefore = this.#lost;
    this.view.note("");
  }

  #noteReplays(): void {
    this.#notedReplays = true;
    this.view.note(`Back. ${count(this.#replayed, "missed order")} replayed, in order.`);
  }

  #comeBack(): void {
    const lost = this.#lost - this.#lostBefore;
    // Without a log, what is lost shows when the next order has passed it.
    if (!this.#hasLog && lost === 0 && performance.now() - (this.#onlineSince ?? 0) < DUE_MS) return;
    this.#wasAway = false;
    if (this.#hasLog) this.#noteReplays();
    else if (lost > 0) this.view.note(`Back. ${count(lost, "order")} lost for good, and nobody told it.`);
    else this.view.note("Back. By luck there was nothing to miss: it would not know.");
  }
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}
