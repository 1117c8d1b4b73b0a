// @ts-check
/** The other way, for comparison: server-sent events without a log. The page shows what stands between the two marks. */
// #region shown
import { bus } from "./bus.mjs";
const watchers = new Set();
bus.listen((order) => {
  for (const res of watchers) res.write(`data: ${order}\n\n`);
});
/** @type {import("node:http").RequestListener} */
export const plainStream = (_req, res) => {
  res.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
  watchers.add(res);
  res.on("close", () => watchers.delete(res));
};
// #endregion
