// @ts-check
/**
 * What stands between the phones and the servers: a reverse proxy that can cut one phone off. It destroys that phone's
 * sockets, and lets no further attempt through. An attempt gets no answer, as without a network, and is destroyed when the
 * cut is over. Neither side is told anything.
 */
import { request } from "node:http";

/** @import { IncomingMessage, ServerResponse } from "node:http" */
/** @import { Socket } from "node:net" */

export function createGate() {
  /** @type {Map<string, Set<Socket>>} sockets with an open stream, by phone */
  const streams = new Map();
  /** @type {Map<string, Set<Socket>>} sockets of attempts that get no answer, by phone */
  const ignored = new Map();
  /** @type {Set<string>} */
  const refused = new Set();

  return {
    /** Destroys the phone's sockets and refuses it, until `admit`. @param {string} phone */
    cut(phone) {
      refused.add(phone);
      destroyAll(streams, phone);
    },
    /** Its next attempt gets through. @param {string} phone */
    admit(phone) {
      refused.delete(phone);
      destroyAll(ignored, phone);
    },
    /** Whether it has a stream. @param {string} phone */
    isConnected: (phone) => (streams.get(phone)?.size ?? 0) > 0,
    /** @param {string} phone */
    isCut: (phone) => refused.has(phone),

    /**
     * @param {string} phone
     * @param {{ readonly port: number, readonly up: boolean }} shop
     * @param {{ readonly path: string, readonly req: IncomingMessage, readonly res: ServerResponse }} exchange
     */
    pass(phone, shop, { path, req, res }) {
      // A status would be an answer, and an `EventSource` gives up at one. A server that is gone does not answer.
      if (!shop.up) return void req.socket.destroy();
      const isRefused = refused.has(phone);
      remember(isRefused ? ignored : streams, phone, { req, res });
      if (!isRefused) forward(shop.port, path, { req, res });
    },
  };
}

/**
 * @param {Map<string, Set<Socket>>} sockets
 * @param {string} phone
 * @param {{ readonly req: IncomingMessage, readonly res: ServerResponse }} exchange
 */
function remember(sockets, phone, { req, res }) {
  const { socket } = req;
  const all = sockets.get(phone) ?? new Set();
  sockets.set(phone, all.add(socket));
  res.once("close", () => all.delete(socket));
}

/**
 * @param {Map<string, Set<Socket>>} sockets
 * @param {string} phone
 */
function destroyAll(sockets, phone) {
  for (const socket of sockets.get(phone) ?? []) socket.destroy();
}

/**
 * Passes a request without a body on.
 * @param {number} port
 * @param {string} path
 * @param {{ readonly req: IncomingMessage, readonly res: ServerResponse }} exchange
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
