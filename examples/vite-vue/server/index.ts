import { existsSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import sirv from "sirv";
import { isTidingsError } from "tidings";
import { handle } from "tidings/node";
import { realtime, room } from "./realtime.ts";

const stream = handle({ realtime });
// Before the first build there is no page: it is looked for at each request.
const page = sirv("dist", { dev: !existsSync("dist") });

/** @returns the status of the answer, and what it says */
async function post(request: IncomingMessage): Promise<[status: number, text?: string]> {
  const message = (await json(request).catch(() => undefined)) as { name: string; text: string };
  try {
    await room.emit("chat.message", message);
    return [204];
  } catch (error) {
    if (isTidingsError(error) && error.issues) return [400, error.issues.map((issue) => issue.message).join(" ")];
    console.error(error);
    return [503];
  }
}

const server = createServer(async (req, res) => {
  if (req.url?.startsWith("/api/realtime")) {
    stream(req, res);
  } else if (req.url === "/api/messages" && req.method === "POST") {
    const [status, text] = await post(req);
    res.writeHead(status).end(text);
  } else {
    page(req, res);
  }
}).listen(process.env.PORT ?? 3000);

// While developing, `tsx watch` ends the server with each edit, and it is to start again at once.
if (process.env.NODE_ENV === "production") {
  process.once("SIGTERM", async () => {
    await realtime.drain({ graceSecs: 20 }); // browsers move to other servers, one after the other
    server.close();
  });
}
