import { connection } from "next/server";
import { realtime } from "@/lib/realtime";
import { Board } from "./board";

export default async function Page() {
  await connection(); // rendered for each request
  const orders = await realtime.history({ limit: 20 });
  const after = orders.at(-1)?.id ?? "0-0";
  return <Board key={after} orders={orders.map(({ id, data }) => ({ id, ...data }))} after={after} />;
}
