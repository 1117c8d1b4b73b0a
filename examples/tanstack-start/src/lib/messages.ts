import { createServerFn } from "@tanstack/react-start";
import { isTidingsError } from "tidings";
import { room } from "./realtime";

/** What the page begins with, and where it ends. */
export const firstMessages = createServerFn().handler(async () => {
  const cursor = await room.cursor(); // first: what comes later, the browser gets
  const messages = await room.history({ limit: 50 });
  return { messages: messages.map(({ id, data }) => ({ id, ...data })), after: messages.at(-1)?.id ?? cursor };
});

/** Returns what is wrong with the message; `undefined` when it was sent. */
export const send = createServerFn({ method: "POST" })
  .validator((message: { name: string; text: string }) => message) // the schema of the event checks it
  .handler(async ({ data }) => {
    try {
      await room.emit("chat.message", data);
    } catch (error) {
      if (isTidingsError(error) && error.issues) return error.issues.map(({ message }) => message).join(" ");
      throw error;
    }
  });
