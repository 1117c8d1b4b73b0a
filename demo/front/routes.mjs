// @ts-check
/** The one address: the page, its three phones, the shop and the buttons. */
import { readJson, sendJson } from "../http.mjs";
import { PHONES } from "./control.mjs";
import { forward } from "./gate.mjs";
import { shownSource } from "./shown-source.mjs";

/** @import { IncomingMessage, ServerResponse } from "node:http" */
/** @import { Parts, createControl } from "./control.mjs" */
/** @import { buildPage } from "./build-page.mjs" */

/** Where a phone may go: its stream, with or without a log. */
const PHONE = /^\/phones\/(\d)(\/api\/realtime|\/plain)$/;

/**
 * @param {Pick<Parts, "gate" | "ticker" | "till"> & { control: ReturnType<typeof createControl> }} parts
 * @param {Awaited<ReturnType<typeof buildPage>>} page
 * @returns {(req: IncomingMessage, res: ServerResponse) => void}
 */
export function createRoutes({ gate, ticker, till, control }, { assets, tidingsBytes }) {
  /** @type {Record<string, (res: ServerResponse) => unknown>} */
  const reads = {
    "/orders": async (res) => sendJson(res, 200, await till.list()),
    "/demo/source": (res) => sendJson(res, 200, shownSource()),
    "/demo/state": (res) => {
      // The first order is for all three, so that their ledgers begin with the same.
      if (till.state().placed > 0 || PHONES.every((phone) => gate.isConnected(phone))) ticker.watched();
      sendJson(res, 200, { ...control.state(), tidingsBytes });
    },
  };

  /** @type {Record<string, (body: { readonly phone?: unknown, readonly paused?: unknown }) => unknown>} */
  const buttons = {
    "/demo/cut": ({ phone }) => control.cut(checkPhone(phone)),
    "/demo/keep-few": ({ phone }) => control.keepFewThenCut(checkPhone(phone)),
    "/demo/restart": () => control.restart(),
    "/demo/pause": ({ paused }) => ticker.pause(paused === true),
  };

  /** @param {IncomingMessage} req @param {ServerResponse} res @param {string} path */
  async function post(req, res, path) {
    // Another site's form cannot send this type without being asked for its origin first, and nobody here would answer.
    if (!req.headers["content-type"]?.startsWith("application/json")) return sendJson(res, 415, { code: "not_json" });
    const body = await readJson(req);
    if (typeof body !== "object" || body === null) return sendJson(res, 400, { code: "bad_request" });
    if (path === "/orders") {
      const answer = await till.place(body);
      return sendJson(res, answer.status, answer.body);
    }
    // What a button starts goes on after the answer, which says how things stand.
    Promise.resolve(buttons[path]?.(body)).catch((error) => console.error(`demo: ${path} failed.`, error));
    sendJson(res, 202, control.state());
  }

  /** @param {IncomingMessage} req @param {ServerResponse} res */
  async function serve(req, res) {
    const { pathname, search } = new URL(req.url ?? "/", "http://demo");
    const path = pathname === "/" ? "/index.html" : pathname;
    const phone = PHONE.exec(path);
    const asset = assets.get(path);
    if (req.method === "POST" && (path === "/orders" || Object.hasOwn(buttons, path))) return await post(req, res, path);
    if (req.method !== "GET" && req.method !== "HEAD") return sendJson(res, 405, { code: "method_not_allowed" });
    if (Object.hasOwn(reads, path)) return void (await reads[path]?.(res));
    if (phone?.[1] && phone[2] && PHONES.includes(phone[1]))
      return gate.pass(phone[1], control.shopOf(phone[1]), { path: phone[2] + search, req, res });
    if (path === "/api/realtime" || path === "/form") return forward(control.shopOf("1").port, path + search, { req, res });
    if (!asset) return sendJson(res, 404, { code: "not_found" });
    res.writeHead(200, { "content-type": asset.type, "cache-control": "no-cache" }).end(asset.body);
  }

  return (req, res) => {
    serve(req, res).catch((error) => {
      if (res.headersSent) res.destroy();
      else sendJson(res, 400, { code: "bad_request", message: String(error) });
    });
  };
}

/** @param {unknown} phone */
function checkPhone(phone) {
  if (typeof phone !== "string" || !PHONES.includes(phone)) throw new Error(`there is no phone ${String(phone)}`);
  return phone;
}
