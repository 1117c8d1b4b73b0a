import { find } from "./dom.ts";

/** The tab that was opened last has the demo; `stop` is called when this one no longer is. */
export function keepToOneTab(stop: () => void): void {
  const tabs = new BroadcastChannel("tidings-demo");
  tabs.postMessage("opened");
  tabs.addEventListener("message", () => {
    tabs.close();
    stop();
    find<HTMLDialogElement>("#elsewhere").showModal();
  });
  find("#run-here").addEventListener("click", () => location.reload());
}
