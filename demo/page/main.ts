/** The page of the demo: a shop's server on the left, three phones on the right. */
import { find, findAs, make, write } from "./dom.ts";
import { keepToOneTab } from "./one-tab.ts";
import { openOrderForm } from "./order-form.ts";
import { Phone } from "./phone.ts";
import { connectPlain } from "./plain-phone.ts";
import { openableRawDrawer } from "./raw-drawer.ts";
import { showCode } from "./shown-code.ts";
import { postJson, watchState, type DemoState } from "./state.ts";
import { connectTidings } from "./tidings-phone.ts";

/** The phone that "Keep only 3" cuts off. */
const KEEP_FEW_PHONE = "1";
const BEFORE = {
  redis: "Kills one process after the other, without a goodbye. The log is in Redis, so everyone catches up.",
  memory: "Kills the process without a goodbye, and the log in its memory with it.",
};
const WHY_GAP =
  "The log died with it. Phones 1 and 2 are told, and fetch the list; phone 3 is not. With REDIS_URL the log would live on.";
const KEEP_FEW = `The log keeps 3, and phone ${KEEP_FEW_PHONE} misses more: one gap, and it fetches the list.`;

const phones = [
  new Phone("1", { kind: "tidings", hasLog: true }),
  new Phone("2", { kind: "tidings", hasLog: true }),
  new Phone("3", { kind: "plain EventSource, no log", hasLog: false }),
];
const auto = findAs(HTMLInputElement, "#auto");
let restarted = false;
let run: string | undefined;

function learn(state: DemoState | undefined): void {
  if (!state) return write(find("#mode"), "The demo has ended. Start it again with npm run demo.");
  run ??= state.run;
  // The demo was started again, and counts from 1.
  if (state.run !== run) return location.reload();
  // What one phone has shown was placed, also when the state is some milliseconds older.
  const placed = Math.max(state.placed, ...phones.map(({ highest }) => highest));
  for (const phone of phones) {
    phone.learn({ ...state, placed });
    const name = state.phones.find((one) => one.phone === phone.name)?.server;
    const server = state.servers.find((one) => one.name === name);
    const kind = phone.name === "3" ? "plain EventSource, no log" : "tidings";
    phone.view.server(state.redis ? `${kind}\nserver ${name} :${server?.port}` : kind);
  }
  auto.checked = !state.paused;
  restarted ||= state.restarting;
  find("#restart").ariaDisabled = String(state.restarting);
  find("#keep-few").ariaDisabled = String(state.keepsFew);
  write(find("#restart-why"), state.redis ? BEFORE.redis : restarted ? WHY_GAP : BEFORE.memory);
  write(find("#keep-few-why"), KEEP_FEW);
  write(find("#size"), `${(state.tidingsBytes / 1_000).toFixed(1)} kB`);
  const servers = state.servers.map(({ name, port, up }) => `server ${name} :${port}${up ? "" : " (down)"}`).join(", ");
  write(find("#mode"), state.redis ? `Redis, two processes: ${servers}` : `Node alone, log in memory: ${servers}`);
}

const ask = watchState(learn);

async function press(path: string, body: object): Promise<void> {
  await postJson(path, body).catch(() => {});
  ask();
}

function onPress(button: HTMLElement, path: string, body: object): void {
  button.addEventListener("click", () => {
    if (button.ariaDisabled !== "true") void press(path, body);
  });
}

for (const phone of phones) onPress(phone.view.cutButton, "/demo/cut", { phone: phone.name });
onPress(find("#restart"), "/demo/restart", {});
onPress(find("#keep-few"), "/demo/keep-few", { phone: KEEP_FEW_PHONE });
auto.addEventListener("change", () => void press("/demo/pause", { paused: !auto.checked }));

const lines = make("button", "", "Its 15 lines");
lines.type = "button";
lines.ariaLabel = "Its 15 lines, phone 3";
phones[2]?.view.cutButton.after(lines);
lines.addEventListener("click", () => findAs(HTMLDialogElement, "#plain").showModal());

if (!["localhost", "127.0.0.1", "[::1]"].includes(location.hostname)) {
  write(find("#latency-note"), "ms: from placing an order to its row here; two clocks, if these are two machines");
}

openableRawDrawer();
const hangUps = phones.map((phone) => (phone.name === "3" ? connectPlain(phone) : connectTidings(phone)));
keepToOneTab(() => hangUps.forEach((hangUp) => hangUp()));
await Promise.all([showCode(), openOrderForm(ask)]);
