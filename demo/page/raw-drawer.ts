import { find, findAs } from "./dom.ts";

const PATH = "/api/realtime";
const MAX_CHARACTERS = 20_000;
/** How long a button says that it has copied. */
const COPIED_MS = 2_000;

/**
 * The drawer with the stream as it comes over the wire, read by a fetch of its own while it is open. It covers nothing, so
 * all the rest can be used meanwhile.
 */
export function openableRawDrawer(): void {
  const drawer = find("#raw");
  const opener = findAs(HTMLButtonElement, "#raw-open");
  const text = find("#raw-text");
  const curl = `curl -N "${location.origin}${PATH}"`;
  let reading: AbortController | undefined;
  find("#raw-curl").textContent = curl;

  function open(): void {
    reading = new AbortController();
    drawer.hidden = false;
    opener.setAttribute("aria-expanded", "true");
    text.textContent = "";
    findAs(HTMLButtonElement, "#raw-close").focus();
    const { signal } = reading;
    read(signal, append).catch((error: unknown) => {
      if (!signal.aborted) append(`\n[the stream ended, as it does for curl (${String(error)}): close and open to read on]\n`);
    });
  }

  function close(): void {
    reading?.abort();
    const hadFocus = drawer.contains(document.activeElement);
    drawer.hidden = true;
    opener.setAttribute("aria-expanded", "false");
    if (hadFocus) opener.focus();
  }

  function append(more: string): void {
    const atEnd = text.scrollTop + text.clientHeight >= text.scrollHeight - 8;
    text.textContent = `${text.textContent}${more}`.slice(-MAX_CHARACTERS);
    if (atEnd) text.scrollTop = text.scrollHeight;
  }

  opener.addEventListener("click", () => (drawer.hidden ? open() : close()));
  find("#raw-close").addEventListener("click", close);
  document.addEventListener("keydown", (event) => {
    // A dialog takes the key for itself.
    if (event.key === "Escape" && !drawer.hidden && !document.querySelector("dialog[open]")) close();
  });
  const copy = find("#raw-copy");
  copy.addEventListener("click", () => {
    navigator.clipboard.writeText(curl).then(
      () => {
        copy.textContent = "Copied";
        setTimeout(() => (copy.textContent = "Copy"), COPIED_MS);
      },
      () => getSelection()?.selectAllChildren(find("#raw-curl")),
    );
  });
}

async function read(signal: AbortSignal, tell: (text: string) => void): Promise<void> {
  const response = await fetch(PATH, { signal, cache: "no-store", headers: { accept: "text/event-stream" } });
  if (!response.body) return;
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error("closed by the server");
    tell(decoder.decode(value, { stream: true }));
  }
}
