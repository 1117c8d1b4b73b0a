// @ts-check
/**
 * Many readers of one channel, each of which takes so many bytes a second and no more. They read the numbers of events, `{ n, … }`.
 * Environment: SOCKET (a path), READERS, PACES (bytes a second of the slowest and the quickest).
 * Says `ready` to its parent when all are joined, and begins; answers any message with what they have, and `{ finish: n }` when all have event `n`, which they then
 * read for as fast as they can.
 */
import { connect } from "node:net";

const { SOCKET = "", READERS = "0", PACES = "" } = process.env;
const [slowest = 0, quickest = 0] = PACES.split(",").map(Number);
const TICK_MS = 50;
const MARK = Buffer.from('"n":');
const GAP = Buffer.from("event: gap");
/** Longer than a number with its mark. */
const TAIL_BYTES = 40;

class Reader {
  /** @type {Array<number | "gap">} */
  steps = [];
  bytes = 0;
  #credit = 0;
  #pace;
  #rest = Buffer.alloc(0);
  #socket;

  /** @param {number} share from 0, the slowest, to 1 */
  constructor(share) {
    this.#pace = slowest + share * (quickest - slowest);
    this.#socket = connect(SOCKET).pause();
    this.#socket.on("readable", () => {});
    this.#socket.write("GET /?channel=log&at=0-0 HTTP/1.1\r\nhost: localhost\r\n\r\n");
  }

  /** @param {number} seconds */
  take(seconds) {
    this.#credit = Math.min(this.#credit, this.#pace) + this.#pace * seconds;
    while (this.#credit >= 1) {
      const bytes = this.#socket.read(Math.min(this.#socket.readableLength, Math.floor(this.#credit)) || undefined);
      if (!bytes) return;
      this.#credit -= bytes.length;
      this.#see(bytes);
    }
  }

  get isJoined() {
    return this.#socket.readableLength > 0;
  }

  speedUp() {
    this.#pace = Infinity;
  }

  /** @param {Buffer} bytes */
  #see(bytes) {
    this.bytes += bytes.length;
    const all = Buffer.concat([this.#rest, bytes]);
    let from = 0;
    for (;;) {
      const at = all.indexOf(MARK, from);
      const gap = all.indexOf(GAP, from);
      if (gap >= 0 && (at < 0 || gap < at)) {
        this.steps.push("gap");
        from = gap + GAP.length;
        continue;
      }
      // The digits may not be there yet.
      const end = at < 0 ? -1 : all.indexOf(",", at);
      if (end < 0) break;
      this.steps.push(Number(all.toString("latin1", at + MARK.length, end)));
      from = end;
    }
    this.#rest = all.subarray(Math.max(from, all.length - TAIL_BYTES));
  }
}

const readers = Array.from({ length: Number(READERS) }, (_, n) => new Reader(n / Number(READERS)));
while (!readers.every(({ isJoined }) => isJoined)) await new Promise((resolve) => setTimeout(resolve, TICK_MS));
let last = performance.now();
/** @type {number | undefined} */
let finish;

setInterval(() => {
  const now = performance.now();
  for (const reader of readers) reader.take((now - last) / 1_000);
  last = now;
  if (finish === undefined || readers.some(({ steps }) => steps.at(-1) !== finish && steps.at(-1) !== "gap")) return;
  finish = undefined;
  tell();
}, TICK_MS);

function tell() {
  process.send?.({ bytes: readers.reduce((sum, { bytes }) => sum + bytes, 0), steps: readers.map(({ steps }) => steps) });
}

process.on("message", (/** @type {{ finish?: number }} */ message) => {
  finish = message.finish;
  if (finish === undefined) tell();
  else for (const reader of readers) reader.speedUp();
});
process.on("disconnect", () => process.exit());
process.send?.("ready");
