import { createServerFn } from "@tanstack/react-start";
import { room } from "./realtime";

/** What the page begins with, and where it ends. */
export const firstMessages = createServerFn().handler(async () => {
  const cursor = await room.cursor(); // first: what comes later, the browser gets
  const messages = await room.history({ limit: 50 });
  return { messages: messages.map(({ id, data }) => ({ id, ...data })), after: messages.at(-1)?.id ?? cursor };
});

export const send = createServerFn({ method: "POST" })
  .validator((message: { name: string; text: string }) => message) // the schema of the event checks it
  .handler(async ({ data }) => {
    await room.emit("chat.message", data);
  });
