import { handle } from "tidings";
import index from "./index.html";
import { realtime } from "./realtime";

const handler = handle({ realtime });

const server = Bun.serve({
  routes: {
    "/": index,
    "/api/realtime": { GET: handler },
    "/api/emit": {
      POST: async (req) => {
        await realtime.emit("chat.message", await req.json());
        return new Response("ok");
      },
    },
  },
});

console.log(`open ${server.url}`);
