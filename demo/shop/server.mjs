// @ts-check
/**
 * One server process of the shop. Environment: `PORT` (0 takes a free one), `REDIS_URL`, `DEMO_PREFIX`.
 * Tells its parent `{ port }` when it listens; `{ keep }` from the parent sets how many orders the log keeps.
 */
import { createServer } from "node:http";
import { isTidingsError } from "tidings";
import { z } from "zod";
import { readJson, sendJson } from "../http.mjs";
import { bus } from "./bus.mjs";
import { plainStream } from "./plain.mjs";
import { order, placeOrder, realtime, stream } from "./shop.mjs";

/** @import { IncomingMessage, ServerResponse } from "node:http" */
/** @import { NewOrder } from "./shop.mjs" */

const server = createServer((req, res) => {
  const { pathname } = new URL(req.url ?? "/", "http://shop");
  if (pathname === "/api/realtime") stream(req, res);
  else if (pathname === "/plain") plainStream(req, res);
  else if (pathname === "/form") sendJson(res, 200, z.toJSONSchema(order));
  else if (pathname === "/orders" && req.method === "POST") void take(req, res);
  else sendJson(res, 404, { code: "not_found" });
});

/**
 * @param {IncomingMessage} req
 * @param {ServerResponse} res
 */
async function take(req, res) {
  try {
    const input = /** @type {NewOrder} */ ({ .../** @type {object} */ (await readJson(req)), at: Date.now() });
    await placeOrder(input);
    // Its clock starts here: the plain phone does not pay for the log that it does not have.
    bus.publish(JSON.stringify({ ...input, at: Date.now() }));
    sendJson(res, 201, input);
  } catch (error) {
    if (!isTidingsError(error)) return sendJson(res, 400, { code: "bad_request", message: String(error) });
    const { code, message, issues = [] } = error;
    const found = issues.map((issue) => ({ path: (issue.path ?? []).map(String).join("."), message: issue.message }));
    sendJson(res, code === "invalid_payload" ? 422 : 503, { code, message, issues: found });
  }
}

process.on("message", (/** @type {{ keep: number }} */ { keep }) => {
  realtime.channel("default", { history: { maxLength: keep } });
  process.send?.({ kept: keep });
});
// Ctrl+C reaches every process of the terminal, but this one is its parent's to end; without a parent it has no purpose.
process.on("SIGINT", () => {});
process.on("disconnect", () => process.exit());

server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => {
  const address = server.address();
  process.send?.({ port: typeof address === "object" ? address?.port : undefined });
});
