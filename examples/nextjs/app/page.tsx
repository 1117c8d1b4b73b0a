import { connection } from "next/server";
import { room } from "@/lib/realtime";
import { Chat } from "./chat";

export default async function Page() {
  await connection(); // rendered for each request
  const cursor = await room.cursor(); // first: what comes later, the browser gets
  const messages = await room.history({ limit: 50 });
  const after = messages.at(-1)?.id ?? cursor;
  return <Chat key={after} messages={messages.map(({ id, data }) => ({ id, ...data }))} after={after} />;
}
