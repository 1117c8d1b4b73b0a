import { find, findAs } from "./dom.ts";

/** The tab that was opened last has the demo; `stop` is called when this one no longer is. */
export function keepToOneTab(stop: () => void): void {
  const tabs = new BroadcastChannel("tidings-demo");
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a BroadcastChannel has no other origins
  tabs.postMessage("opened");
  tabs.addEventListener("message", () => {
    tabs.close();
    stop();
    findAs(HTMLDialogElement, "#elsewhere").showModal();
  });
  find("#run-here").addEventListener("click", () => location.reload());
}
