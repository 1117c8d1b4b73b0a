/**
 * The page of `list.ts`: the newest rows of a list that an event changes 1,000 times a second, once for each way to get there.
 * Whatever brings the events, `noted` sees each, and the same component renders them.
 */
import { useEffect, useLayoutEffect, useState, type ReactElement } from "react";
import { createRoot } from "react-dom/client";
import { RealtimeProvider, useRealtime, useRealtimeContext, useRealtimeState } from "tidings/client";
import { channelOf, type Order, type PageReport, type Way } from "./list-ways.ts";

const NEWEST = 100;
const way = decodeURIComponent(location.search.slice(1)) as Way;
const channel = channelOf(way);

const report: PageReport = { received: 0, misplaced: 0, renders: 0 };
let joined = (): void => {};
const ready = new Promise<void>((resolve) => (joined = resolve));
let awaited: { readonly n: number; readonly resolve: () => void } | undefined;

/** What {@link report} counts: each order once, and in its order. */
function noted(order: Order): Order {
  if (order.n !== report.received++) report.misplaced++;
  return order;
}

/** Told when an order has arrived where its way ends: in the document, or at the listener. */
function arrived(n: number | undefined): void {
  if (awaited && n !== undefined && n >= awaited.n) awaited.resolve();
}

const add = (rows: readonly Order[], ...more: readonly Order[]): readonly Order[] => [...rows, ...more].slice(-NEWEST);

function List({ rows }: { readonly rows: readonly Order[] }): ReactElement {
  // oxlint-disable-next-line react-hooks/immutability -- calls are what is counted
  report.renders++;
  useLayoutEffect(() => arrived(rows.at(-1)?.n));
  return (
    <ol>
      {rows.map(({ n, customer, article, pieces }) => (
        <li key={n}>{`${n}: ${pieces} × ${article} for ${customer}`}</li>
      ))}
    </ol>
  );
}

/** The bare reference. */
function useEventSource(onOrder: (order: Order) => void): void {
  useEffect(() => {
    const source = new EventSource(`/bare?channel=${channel}`);
    source.addEventListener("open", joined);
    source.addEventListener("message", (message: MessageEvent<string>) => onOrder(noted(JSON.parse(message.data) as Order)));
    return () => source.close();
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- what it calls does not change
  }, []);
}

function BareEach(): ReactElement {
  const [rows, setRows] = useState<readonly Order[]>([]);
  useEventSource((order) => setRows((all) => add(all, order)));
  return <List rows={rows} />;
}

function TidingsEach(): ReactElement {
  const [rows, setRows] = useState<readonly Order[]>([]);
  useRealtime({
    channels: [channel],
    onData(message) {
      const order = noted(message.data as Order);
      setRows((all) => add(all, order));
    },
  });
  return <List rows={rows} />;
}

function BareFrame(): ReactElement {
  const [rows, setRows] = useState<readonly Order[]>([]);
  // `useState`, so that there is one array: nobody is told when it changes.
  const [waiting] = useState<Order[]>([]);
  useEventSource((order) => {
    if (waiting.push(order) > 1) return;
    requestAnimationFrame(() => {
      const more = waiting.splice(0);
      setRows((all) => add(all, ...more));
    });
  });
  return <List rows={rows} />;
}

function TidingsFrame(): ReactElement {
  const { state } = useRealtimeState<readonly Order[]>({
    channel,
    initial: [],
    reduce: (all, message) => add(all, noted(message.data as Order)),
  });
  return <List rows={state} />;
}

/** Says when the provider's client is connected. */
function Joined(): null {
  const client = useRealtimeContext();
  useEffect(
    () =>
      client.subscribeStatus((status) => {
        if (status === "connected") joined();
      }),
    [client],
  );
  return null;
}

function BareNone(): ReactElement {
  useEventSource((order) => arrived(order.n));
  return <p>no list</p>;
}

function TidingsNone(): ReactElement {
  useRealtime({ channels: [channel], onData: (message) => arrived(noted(message.data as Order).n) });
  return <p>no list</p>;
}

const WAYS: Readonly<Record<Way, () => ReactElement>> = {
  "bare each": BareEach,
  "tidings each": TidingsEach,
  "bare frame": BareFrame,
  "tidings frame": TidingsFrame,
  "bare none": BareNone,
  "tidings none": TidingsNone,
};

/** What `list.ts` calls. */
const bench: Window["bench"] = {
  report,
  ready,
  until: (n) => new Promise((resolve) => (awaited = { n, resolve })),
  rows: () => [...document.querySelectorAll("li")].map((row) => parseInt(row.innerText)),
};
Object.assign(globalThis, { bench });

const Page = WAYS[way];
createRoot(document.querySelector("#root") as Element).render(
  <RealtimeProvider>
    <Page />
    <Joined />
  </RealtimeProvider>,
);
