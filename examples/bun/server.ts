import { handle, isTidingsError } from "tidings";
import index from "./index.html";
import { realtime } from "./realtime";

const handler = handle({ realtime });

const server = Bun.serve({
  routes: {
    "/": index,
    "/api/realtime": { GET: handler },
    "/api/emit": {
      POST: async (req) => {
        try {
          await realtime.emit("chat.message", await req.json());
          return new Response("ok");
        } catch (error) {
          if (isTidingsError(error) && error.issues) return Response.json({ issues: error.issues }, { status: 400 });
          throw error;
        }
      },
    },
  },
});

console.log(`open ${server.url}`);

process.once("SIGTERM", async () => {
  await realtime.drain({ graceSecs: 20 }); // browsers move to other servers, one after the other
  await server.stop();
});
