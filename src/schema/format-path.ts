import { shorten } from "./shorten.ts";

const IDENTIFIER = /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u;

/** A path as one would write it in code: `data.users[3]["first name"]`. The middle of a very long one is left out. */
export function formatPath(root: string, path: readonly PropertyKey[]): string {
  const shown = path.length > 20 ? [...path.slice(0, 10), ...path.slice(-10)] : path;
  let text = root;
  for (const [index, key] of shown.entries()) {
    if (index === 10 && shown !== path) text += "…";
    if (typeof key === "number") text += `[${key}]`;
    else if (typeof key === "symbol") text += `[${String(key)}]`;
    else text += IDENTIFIER.test(key) ? `.${shorten(key, 40)}` : `[${JSON.stringify(shorten(key, 40))}]`;
  }
  return text;
}
