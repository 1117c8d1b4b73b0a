import { find, make } from "./dom.ts";
import { getJson } from "./state.ts";

interface Shown {
  readonly file: string;
  readonly code: string;
}

/** Comments, strings and words of the language; all else is left as it is. */
const TOKENS = /(\/\/.*|\/\*\*.*?\*\/)|("[^"]*"|`[^`]*`)|\b(const|export|for|new|of)\b/g;
const KINDS = ["comment", "string", "word"];

/** Shows the lines that the server read from its own files. */
export async function showCode(): Promise<void> {
  const { shop, plainServer, plainClient } =
    await getJson<Record<"shop" | "plainServer" | "plainClient", Shown>>("/demo/source");
  fill("shop-code", "shop-file", shop);
  fill("plain-server", "plain-server-file", plainServer);
  fill("plain-client", "plain-client-file", plainClient);
}

function fill(codeId: string, captionId: string, { file, code }: Shown): void {
  find(`#${captionId}`).textContent = `${file}, ${code.split("\n").length} lines, as they run`;
  find(`#${codeId}`).replaceChildren(...code.split("\n").map(line));
}

function line(text: string): HTMLElement {
  const element = make("span", "line");
  let end = 0;
  for (const match of text.matchAll(TOKENS)) {
    element.append(text.slice(end, match.index), make("span", KINDS[match.slice(1).findIndex(Boolean)] ?? "", match[0]));
    end = match.index + match[0].length;
  }
  element.append(`${text.slice(end)}\n`);
  return element;
}
