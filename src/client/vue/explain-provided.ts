/** What is wrong with what `provideRealtime` was given. Loaded to warn, so never in production. */
import { isReactive, isRef } from "vue";

/** @returns `""` for plain options */
export function explainProvided(options: unknown): string {
  if (typeof options !== "function" && !isRef(options) && !isReactive(options)) return "";
  const what = typeof options === "function" ? "a function" : isRef(options) ? "a ref" : "a reactive object";
  return `provideRealtime() was given ${what}, and reads its options once. Give plain options; where others are wanted later, give the component that provides a key: <RealtimeRoot :key="user.id">.`;
}
