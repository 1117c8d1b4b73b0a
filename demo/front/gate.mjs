// @ts-check
/**
 * What stands between the phones and the servers: a reverse proxy that can cut one phone off. It destroys that phone's
 * sockets, and lets no further attempt through. As without a network, an attempt gets no answer; when the cut is over it
 * gets through, as a packet does that is sent again. An attempt to reach a server that is down waits in the same way, as
 * behind a proxy that tries again. Nobody is told anything, and all phones are treated alike.
 */
import { request } from "node:http";

/** @import { IncomingMessage, ServerResponse } from "node:http" */
/** @import { Socket } from "node:net" */

/** @typedef {{ readonly port: number, readonly up: boolean }} Upstream as it is when it is looked at */
/** @typedef {{ readonly path: string, readonly req: IncomingMessage, readonly res: ServerResponse }} Exchange */
/** @typedef {{ readonly phone: string, readonly shop: Upstream, readonly exchange: Exchange }} Attempt */

export function createGate() {
  /** @type {Map<string, Set<Socket>>} sockets with an open stream, by phone */
  const streams = new Map();
  /** @type {Set<Attempt>} those that get no answer */
  const held = new Set();
  /** @type {Set<string>} */
  const refused = new Set();

  /** @param {Attempt} attempt */
  function pass({ phone, shop, exchange: { path, req, res } }) {
    const sockets = streams.get(phone) ?? new Set();
    streams.set(phone, sockets.add(req.socket));
    res.once("close", () => sockets.delete(req.socket));
    forward(shop.port, path, { req, res });
  }

  /** Lets those through that nothing stands in the way of any more. */
  function release() {
    for (const attempt of held) {
      if (refused.has(attempt.phone) || !attempt.shop.up) continue;
      held.delete(attempt);
      pass(attempt);
    }
  }

  return {
    /** Destroys the phone's sockets and refuses it, until `admit`. @param {string} phone */
    cut(phone) {
      refused.add(phone);
      for (const socket of streams.get(phone) ?? []) socket.destroy();
    },
    /** Its attempts get through again. @param {string} phone */
    admit(phone) {
      refused.delete(phone);
      release();
    },
    /** To be called when a server has come up. */
    release,
    /** Whether it has a stream. @param {string} phone */
    isConnected: (phone) => (streams.get(phone)?.size ?? 0) > 0,
    /** @param {string} phone */
    isCut: (phone) => refused.has(phone),

    /**
     * Passes an attempt on: at once, or when nothing stands in its way.
     * @param {string} phone
     * @param {Upstream} shop
     * @param {Exchange} exchange
     */
    pass(phone, shop, exchange) {
      const attempt = { phone, shop, exchange };
      held.add(attempt);
      exchange.res.once("close", () => held.delete(attempt));
      release();
    },
  };
}

/**
 * Passes a request without a body on.
 * @param {number} port
 * @param {string} path
 * @param {Omit<Exchange, "path">} exchange
 */
export function forward(port, path, { req, res }) {
  const options = { host: "127.0.0.1", port, path, method: req.method, agent: false };
  const upstream = request({ ...options, headers: { ...req.headers, connection: "close" } }, (answer) => {
    const { connection: _own, "transfer-encoding": _framing, ...headers } = answer.headers;
    res.writeHead(answer.statusCode ?? 502, headers).flushHeaders();
    answer.on("data", (chunk) => {
      if (!res.write(chunk)) answer.pause();
    });
    res.on("drain", () => answer.resume());
    answer.on("end", () => res.end());
    answer.on("error", () => req.socket.destroy());
  });
  upstream.on("error", () => req.socket.destroy());
  res.on("close", () => upstream.destroy());
  upstream.end();
}
