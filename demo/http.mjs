// @ts-check
/** The little HTTP that the front and the shop have in common. */
import { request } from "node:http";

/** @import { IncomingMessage, ServerResponse } from "node:http" */

const MAX_BODY_BYTES = 10_000;

/**
 * @param {ServerResponse} res
 * @param {number} status
 * @param {unknown} body
 */
export function sendJson(res, status, body) {
  res.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" }).end(JSON.stringify(body));
}

/**
 * The JSON of a body.
 * @param {AsyncIterable<Buffer>} body
 * @returns {Promise<unknown>}
 */
export async function readJson(body) {
  /** @type {Buffer[]} */
  const chunks = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error(`the body has more than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString());
}

/**
 * Posts to a server of this machine, on a connection of its own: one that was kept could be that of a killed process.
 * @param {number} port
 * @param {string} path
 * @param {unknown} body
 * @returns {Promise<{ status: number, body: unknown }>}
 */
export function postJson(port, path, body) {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path, method: "POST", agent: false };
    const req = request({ ...options, headers: { "content-type": "application/json" } }, (res) => {
      readJson(res).then((answer) => resolve({ status: res.statusCode ?? 0, body: answer }), reject);
    });
    req.on("error", reject);
    req.end(JSON.stringify(body));
  });
}
