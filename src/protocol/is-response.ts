/** Whether somebody's function answered with a Response, of whatever realm or polyfill. */
export function isResponse(value: unknown): value is Response {
  return typeof value === "object" && value !== null && "status" in value && "headers" in value && "arrayBuffer" in value;
}
