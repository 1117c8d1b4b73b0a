/** So many bytes of what was asked for are kept, and about as much again that was made of them. */
const MAX_BYTES = 1_000_000;
/** By its first bytes one event is told from another: they hold its id and its channel. */
const HEAD_BYTES = 96;

interface Made<V> {
  readonly of: Uint8Array;
  readonly value: V;
}

/** What was made of bytes lately, so that the same ones, asked for by one stream after another, are not worked on for each. */
export class Lately<V> {
  readonly #make: (bytes: Uint8Array) => V;
  readonly #made = new Map<number, Made<V>>();
  #bytes = 0;

  constructor(make: (bytes: Uint8Array) => V) {
    this.#make = make;
  }

  get(bytes: Uint8Array): V {
    const key = keyOf(bytes);
    const known = this.#made.get(key);
    if (known && areEqual(known.of, bytes)) return known.value;
    const value = this.#make(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes > MAX_BYTES) {
      // All at once: what is asked for again is made again.
      this.#made.clear();
      this.#bytes = bytes.length;
    }
    this.#made.set(key, { of: bytes, value });
    return value;
  }
}

/** FNV-1a. Two that share a key only cost time. */
function keyOf(bytes: Uint8Array): number {
  let key = 2_166_136_261 ^ bytes.length;
  const end = Math.min(bytes.length, HEAD_BYTES);
  for (let at = 0; at < end; at++) key = Math.imul(key ^ (bytes[at] as number), 16_777_619);
  return key;
}

/** Not every runtime has a `Buffer`, which compares many times faster. */
const compare = (globalThis as { readonly Buffer?: typeof Buffer }).Buffer?.compare;

function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  return compare ? compare(one, other) === 0 : one.every((byte, at) => byte === other[at]);
}
