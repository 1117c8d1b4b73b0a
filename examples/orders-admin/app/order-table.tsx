"use client";

import { useState, type FormEvent } from "react";
import { useResourceList, type LiveStatus, type LiveTarget, type ResourcePage } from "tidings/resources/client";
import { PAGE_SIZE } from "@/lib/page-size";
import type { Order, Status } from "@/lib/schema";
import { setStatus } from "./actions";

const STATUSES: readonly Status[] = ["new", "packed", "shipped", "delivered"];
const WORDS: Record<LiveStatus, string> = {
  idle: "Paused",
  connecting: "Connecting",
  live: "Live",
  reconnecting: "Reconnecting",
  offline: "Offline",
};
const money = new Intl.NumberFormat("en-IE", { style: "currency", currency: "EUR" });

interface Props {
  readonly resource: LiveTarget;
  readonly initial: ResourcePage<Order>;
  /** Which server has rendered the page, where there are several. */
  readonly instance?: string | undefined;
}

export function OrderTable({ resource, initial, instance }: Props) {
  const [page, setPage] = useState(1);
  const [problem, setProblem] = useState("");
  const list = useResourceList<Order>(resource, { initial, page, pageSize: PAGE_SIZE });

  async function change(id: number, status: Status): Promise<void> {
    setProblem("");
    try {
      // Shown at once, and taken back if the server says no.
      await list.update(id, { status }, () => setStatus(id, status));
    } catch {
      setProblem(`Order ${id} could not be changed.`);
    }
  }

  async function add(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget;
    const data = new FormData(form);
    const order = {
      customer: data.get("customer"),
      item: data.get("item"),
      total: Math.round(Number(data.get("total")) * 100),
    };
    const response = await fetch("/api/orders", { method: "POST", body: JSON.stringify(order) });
    if (response.ok) form.reset();
    setProblem(response.ok ? "" : "The order could not be stored.");
  }

  return (
    <main>
      <header>
        <h1>Orders</h1>
        {instance && <span className="instance">{instance}</span>}
        <span role="status" className={`connection ${list.status}`}>
          {WORDS[list.status]}
        </span>
      </header>

      <div className={list.isPrevious ? "card previous" : "card"}>
        <table>
          <thead>
            <tr>
              <th scope="col">No.</th>
              <th scope="col">Customer</th>
              <th scope="col">Item</th>
              <th scope="col" className="number">
                Total
              </th>
              <th scope="col">Status</th>
            </tr>
          </thead>
          <tbody>
            {list.rows.map((order) => (
              <tr key={order.id} data-order={order.id}>
                <td className="quiet">{order.id}</td>
                <td>{order.customer}</td>
                <td>{order.item}</td>
                <td className="number">{money.format(order.total / 100)}</td>
                <td>
                  <span className="status">
                    <select
                      className={order.status}
                      aria-label={`Status of order ${order.id}`}
                      value={order.status}
                      onChange={(event) => void change(order.id, event.target.value as Status)}
                    >
                      {STATUSES.map((status) => (
                        <option key={status}>{status}</option>
                      ))}
                    </select>
                    {/* Another key is another element: it lights up when the status is another one, and the focus stays. */}
                    <span key={order.status} className="change" />
                  </span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        <nav aria-label="Pages">
          <button type="button" disabled={page <= 1} onClick={() => setPage(page - 1)}>
            Previous
          </button>
          <span className="quiet">
            Page {page} of {list.pages ?? 1} · {list.total ?? 0} orders
          </span>
          <button type="button" disabled={page >= (list.pages ?? 1)} onClick={() => setPage(page + 1)}>
            Next
          </button>
        </nav>
      </div>

      <p role="alert" className="problem">
        {problem}
      </p>

      <form onSubmit={(event) => void add(event)}>
        <input name="customer" aria-label="Customer" placeholder="Customer" required />
        <input name="item" aria-label="Item" placeholder="Item" required />
        <input name="total" aria-label="Total in euros" placeholder="Total" type="number" min="0" step="0.01" required />
        <button type="submit">Add order</button>
      </form>
    </main>
  );
}
