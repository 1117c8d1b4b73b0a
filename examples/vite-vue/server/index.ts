import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import sirv from "sirv";
import { handle } from "tidings/node";
import { realtime, room } from "./realtime.ts";

const stream = handle({ realtime });
const page = sirv("dist");

createServer(async (req, res) => {
  if (req.url?.startsWith("/api/realtime")) {
    stream(req, res);
  } else if (req.url === "/api/messages" && req.method === "POST") {
    // The schema checks what comes.
    const stored = await json(req)
      .then((message) => room.emit("chat.message", message as { name: string; text: string }))
      .catch(() => undefined);
    res.writeHead(stored ? 204 : 400).end();
  } else {
    page(req, res);
  }
}).listen(process.env.PORT ?? 3000);
