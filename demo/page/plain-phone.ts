import type { Phone } from "./phone.ts";

/** Connects a phone without tidings. The page shows what stands between the two marks. @returns hangs up */
export function connectPlain(phone: Phone): () => void {
  // #region shown
  const source = new EventSource("/phones/3/plain");
  source.addEventListener("open", () => phone.online(true));
  source.addEventListener("error", () => phone.online(false));
  source.addEventListener("message", ({ data }) => phone.show(JSON.parse(data)));
  // #endregion
  return () => source.close();
}
