"use client";

import { useRouter } from "next/navigation";
import { useState } from "react";
import { useRealtime } from "@/lib/realtime-client";

type Order = { id: string; item: string; quantity: number };

export function Board({ orders: first, after }: { orders: Order[]; after: string }) {
  const router = useRouter();
  const [orders, setOrders] = useState(first);
  useRealtime({
    after, // the server rendered what came before
    events: ["order.placed"],
    onData: ({ id, data }) => setOrders((all) => [...all, { id, ...data }]),
    onGap: () => router.refresh(), // orders may be missing: render the page anew
  });

  return (
    <ol>
      {orders.map(({ id, item, quantity }) => (
        <li key={id}>
          {quantity} × {item}
        </li>
      ))}
    </ol>
  );
}
