import { handle, isTidingsError } from "tidings";
import index from "./index.html";
import { realtime, ROOMS } from "./realtime";

const channels = ROOMS.map((room) => `room:${room}`);

const server = Bun.serve({
  port: process.env.PORT ?? 3000,
  routes: {
    "/": index,
    // Nobody listens to anything but rooms.
    "/api/realtime": { GET: handle({ realtime, authorize: ({ channel }) => channels.includes(channel) }) },
    "/api/rooms": { GET: () => Response.json(ROOMS) },
    "/api/rooms/:room": {
      POST: async (request) => {
        const { room } = request.params;
        if (!ROOMS.includes(room)) return new Response("There is no such room.", { status: 404 });
        try {
          await realtime.channel(`room:${room}`).emit("chat.message", await request.json());
          return new Response(null, { status: 204 });
        } catch (error) {
          if (isTidingsError(error) && error.issues)
            return new Response(error.issues.map(({ message }) => message).join(" "), { status: 400 });
          throw error;
        }
      },
    },
  },
  development: process.env.NODE_ENV !== "production",
});

console.log(`open ${server.url}`);

process.once("SIGTERM", async () => {
  await realtime.drain({ graceSecs: 20 }); // browsers move to other servers, one after the other
  await server.stop();
});
