import { warn } from "../report.ts";

let hasWarned = false;

/** Says once that there is a provider inside another one. @param what the inner one */
export function warnOfNested(what: string): void {
  void warn(() => {
    if (hasWarned) return "";
    hasWarned = true;
    return `${what} inside another provider opens a connection of its own. Remove it; if it is meant, give it a \`client\`.`;
  });
}
