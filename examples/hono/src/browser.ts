import { createRealtimeClient } from "tidings/client/core";
import type { realtime } from "./realtime.ts"; // a type: no server code comes with it

const notification = document.querySelector<HTMLElement>("#notification")!;
const list = document.querySelector("ol")!;
const form = document.querySelector("form")!;
const status = document.querySelector("[role=status]")!;
const problem = document.querySelector<HTMLElement>("[role=alert]")!;

const client = createRealtimeClient<typeof realtime>({ api: { url: "/api/realtime" } });
client.subscribeStatus((now) => (status.textContent = now));

client.subscribe({
  channels: ["room:lobby"],
  events: ["chat.message"],
  after: document.body.dataset.after, // the server rendered what came before
  onData({ data: { name, text } }) {
    const item = document.createElement("li");
    item.append(Object.assign(document.createElement("b"), { textContent: name }), ` ${text}`);
    list.append(item);
  },
  onGap: () => location.reload(), // messages may be missing: show the current ones
});

// Another channel, the same connection.
client.subscribe({
  channels: ["default"],
  events: ["notification.alert"],
  onData({ data }) {
    notification.textContent = data;
    notification.hidden = false;
  },
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const response = await fetch("/api/messages", { method: "POST", body: new FormData(form) });
  problem.hidden = response.ok;
  problem.textContent = response.ok ? "" : await response.text();
  if (response.ok) form.querySelector<HTMLInputElement>("[name=text]")!.value = ""; // else the text stays
});
