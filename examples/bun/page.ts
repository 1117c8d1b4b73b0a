import { createRealtimeClient } from "tidings/client/core";
import type { realtime } from "./realtime"; // a type: no server code comes with it

const nav = document.querySelector("nav")!;
const list = document.querySelector("ol")!;
const form = document.querySelector("form")!;
const status = document.querySelector("[role=status]")!;
const problem = document.querySelector<HTMLElement>("[role=alert]")!;

const client = createRealtimeClient<typeof realtime>({ api: { url: "/api/realtime" } });
client.subscribeStatus((now) => (status.textContent = now));

const rooms: string[] = await (await fetch("/api/rooms")).json();
let room = "";
let leave = () => {};

/** Listens to the room that the address names. The connection stays the same. */
function enter() {
  room = rooms.find((each) => `#${each}` === location.hash) ?? rooms[0];
  leave();
  const links = rooms.map((each) => Object.assign(document.createElement("a"), { href: `#${each}`, textContent: each }));
  links.find(({ textContent }) => textContent === room)?.setAttribute("aria-current", "page");
  nav.replaceChildren(...links);
  list.replaceChildren();
  leave = client.subscribe({
    channels: [`room:${room}`],
    history: { limit: 50 }, // the newest 50 first
    onData({ data: { name, text } }) {
      const item = document.createElement("li");
      item.append(Object.assign(document.createElement("b"), { textContent: name }), ` ${text}`);
      list.append(item);
    },
    onGap: enter, // messages may be missing: show the current ones
  });
}

addEventListener("hashchange", enter);
enter();

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const message = Object.fromEntries(new FormData(form));
  const response = await fetch(`/api/rooms/${room}`, { method: "POST", body: JSON.stringify(message) });
  problem.hidden = response.ok;
  problem.textContent = response.ok ? "" : await response.text();
  if (response.ok) form.querySelector<HTMLInputElement>("[name=text]")!.value = ""; // else the text stays
});
