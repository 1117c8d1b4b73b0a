import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { handle } from "tidings/node";
import { placeOrder } from "./orders.mjs";
import { realtime } from "./realtime.mjs";

const page = readFileSync(new URL("index.html", import.meta.url));
const stream = handle({ realtime });

const server = createServer(async (req, res) => {
  if (req.url?.startsWith("/api/realtime")) {
    stream(req, res);
  } else if (req.url === "/orders" && req.method === "POST") {
    const stored = await placeOrder().catch(() => undefined);
    res.writeHead(stored ? 204 : 503).end();
  } else {
    res.setHeader("content-type", "text/html").end(page);
  }
}).listen(process.env.PORT ?? 3000);

process.once("SIGTERM", async () => {
  await realtime.drain({ graceSecs: 20 }); // browsers move to other servers, one after the other
  server.close();
});
