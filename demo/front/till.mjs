// @ts-check
/**
 * Stands where a shop has its database: numbers the orders and keeps them, and outlives the servers. One order at a time,
 * so that a number is used once and a list never misses an order whose event is already on its way.
 */

/** @typedef {{ readonly status: number, readonly body: unknown }} Answer */
/** @typedef {{ readonly n: number, readonly item: string, readonly quantity: number }} Row */

/** Rows that are kept: more than a phone can miss in a visit. */
const MAX_ROWS = 500;
/** Codes after which the order is certainly not in the log. */
const NOT_STORED = new Set(["not_stored", "closed", "broker_refused", "unavailable"]);

/** @param {(order: object) => Promise<Answer>} send places an order with one of the servers */
export function createTill(send) {
  /** @type {Row[]} */
  const rows = [];
  /** @type {number[]} numbers of which nobody knows whether their order was stored */
  const unknown = [];
  let last = 0;
  let waiting = 0;
  /** @type {Promise<unknown>} */
  let queue = Promise.resolve();

  /**
   * @template T
   * @param {() => T | Promise<T>} work
   * @returns {Promise<T>}
   */
  function inTurn(work) {
    waiting += 1;
    const done = queue.then(work).finally(() => (waiting -= 1));
    queue = done.catch(() => {});
    return done;
  }

  return {
    /** Places an order under the next number. @param {{ readonly item?: unknown, readonly quantity?: unknown }} order */
    place: ({ item, quantity }) =>
      inTurn(async () => {
        const n = last + 1;
        const answer = await send({ n, item, quantity }).catch(() => ({ status: 502, body: { code: "connection_lost" } }));
        const { code = "" } = /** @type {{ code?: string }} */ (answer.body);
        if (answer.status === 201) {
          last = n;
          rows.push(/** @type {Row} */ ({ n, item, quantity }));
          if (rows.length > MAX_ROWS) rows.shift();
        } else if (answer.status >= 500 && !NOT_STORED.has(code)) {
          last = n;
          unknown.push(n);
        }
        return answer;
      }),
    /** The newest orders, oldest first. @returns {Promise<readonly Row[]>} */
    list: () => inTurn(() => [...rows]),
    /** Runs `work` while no order is on its way. */
    inTurn,
    /** @returns {boolean} whether an order waits for another */
    isBusy: () => waiting > 0,
    state: () => ({ placed: last, unknown }),
  };
}
