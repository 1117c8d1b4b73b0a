/** Whether this is production, as far as one can know: not every runtime has a `process`. */
export function inProduction(): boolean {
  return typeof process !== "undefined" && process.env?.NODE_ENV === "production";
}
