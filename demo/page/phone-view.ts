import type { Balance } from "./ledger.ts";
import type { ListedOrder } from "./order.ts";
import { find, findAs, make, write } from "./dom.ts";

/** How an order came to a phone. */
export type Way = "live" | "replayed" | "fetched";

/** How a phone stands, for its lamp. */
export type Lamp = "live" | "away" | "opening";

/** Rows that stay in the page. */
const MAX_ROWS = 60;
/** Rows that came together slide in one after the other. */
const STAGGER_MS = 70;

/** What a phone is. */
export interface PhoneKind {
  readonly kind: string;
  readonly hasLog: boolean;
}

/** One phone as it looks. It knows nothing of where its orders come from. */
export class PhoneView {
  readonly root: HTMLElement;
  readonly cutButton: HTMLButtonElement;
  readonly #rows: HTMLOListElement;
  readonly #ledger = new Map<string, HTMLElement>();
  #burst = 0;

  constructor(phone: string, { kind, hasLog }: PhoneKind) {
    const copy = findAs(HTMLTemplateElement, "#phone").content.cloneNode(true) as DocumentFragment;
    this.root = find(".phone", copy);
    this.root.id = `phone-${phone}`;
    this.root.setAttribute("aria-labelledby", `phone-${phone}-title`);
    this.#rows = findAs(HTMLOListElement, ".rows", copy);
    this.#rows.setAttribute("aria-label", `Orders on phone ${phone}`);
    this.cutButton = findAs(HTMLButtonElement, ".cut", copy);
    this.cutButton.ariaLabel = `${this.cutButton.textContent}, phone ${phone}`;
    const title = find("h3", copy);
    title.id = `phone-${phone}-title`;
    title.textContent = `Phone ${phone}`;
    find(".kind", copy).textContent = kind;
    find(".kind", copy).classList.toggle("has-log", hasLog);
    for (const name of ["sent", "shown", "lost", "doubled"]) this.#ledger.set(name, find(`.${name} dd`, copy));
    find("#phone-list").append(copy);
  }

  order({ n, item, quantity }: ListedOrder, way: Way, lateMs: number | undefined): void {
    const row = make("li", `row ${way}`);
    row.append(make("span", "n", `#${n}`), make("span", "what", `${quantity} × ${item}`));
    if (way !== "live") row.append(make("span", "tag", way === "replayed" ? "replayed" : "fetched"));
    if (lateMs !== undefined) row.append(make("span", "late", way === "replayed" ? seconds(lateMs) : latency(lateMs)));
    this.#insert(row, n);
  }

  /** Orders that were passed over and will not come. */
  hole(numbers: readonly number[]): void {
    const [first = 0] = numbers;
    const last = numbers.at(-1) ?? first;
    const row = make("li", "hole", `${first === last ? `#${first}` : `#${first}–#${last}`} never came`);
    this.#insert(row, last);
  }

  /** One line for a gap, after order `n`. @returns sets its texts */
  gap(n: number, texts: readonly string[]): (texts: readonly string[]) => void {
    const row = make("li", "gap");
    // Parts that stay whole where the line has to be broken.
    const rewrite = (parts: readonly string[]): void =>
      row.replaceChildren(...parts.flatMap((part) => [make("span", "", part), " "]));
    rewrite(texts);
    this.#insert(row, n + 0.5);
    return rewrite;
  }

  state(lamp: Lamp, text: string): void {
    this.root.dataset["lamp"] = lamp;
    write(find(".state-text", this.root), text);
  }

  note(text: string): void {
    write(find(".note", this.root), text);
  }

  server(text: string): void {
    write(find(".kind", this.root), text);
  }

  cutting(yes: boolean): void {
    // Not `disabled`: that would throw the keyboard's focus away.
    this.cutButton.ariaDisabled = String(yes);
  }

  balance(balance: Balance | undefined): void {
    for (const [name, cell] of this.#ledger) write(cell, balance ? String(balance[name as keyof Balance]) : "–");
    this.root.classList.toggle("has-lost", (balance?.lost ?? 0) > 0);
  }

  /** The newest is on top, whatever came when. */
  #insert(row: HTMLLIElement, n: number): void {
    row.dataset["n"] = String(n);
    if (this.#burst === 0) setTimeout(() => (this.#burst = 0), 0);
    row.style.animationDelay = `${this.#burst++ * STAGGER_MS}ms`;
    const below = [...this.#rows.children].find((other) => Number((other as HTMLElement).dataset["n"]) <= n);
    this.#rows.insertBefore(row, below ?? null);
    while (this.#rows.children.length > MAX_ROWS) this.#rows.lastElementChild?.remove();
  }
}

function latency(ms: number): string {
  return ms < 1_000 ? `${Math.max(0, Math.round(ms))} ms` : seconds(ms);
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
