import { isOnceId } from "../protocol/names.ts";

/**
 * The `id` of an emit from what makes it the only one: a hash, if the parts are too long for one or are no ASCII. Two lists of parts
 * never give the same id.
 */
export async function onceIdOf(parts: readonly string[]): Promise<string> {
  const text = parts.map((part) => part.replaceAll(/[%:]/g, encodeURIComponent)).join(":");
  // A hash could be a text of its own otherwise.
  if (isOnceId(text) && !text.startsWith("#")) return text;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return `#${Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
