"use client";

import { useState } from "react";
import { useRealtime } from "@/lib/realtime-client";

export function Orders() {
  const [orders, setOrders] = useState<{ id: string; item: string; quantity: number }[]>([]);
  const { status } = useRealtime({
    events: ["order.placed"],
    onData: ({ id, data }) => setOrders((all) => [...all, { id, ...data }]),
  });

  return (
    <section>
      <p role="status">{status}</p>
      <ul>
        {orders.map(({ id, item, quantity }) => (
          <li key={id}>
            {quantity} × {item}
          </li>
        ))}
      </ul>
    </section>
  );
}
