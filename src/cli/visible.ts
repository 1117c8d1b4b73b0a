/**
 * Controls, and what a terminal or a reader does not see or reads in another direction. Joiners stay: an emoji may need one. A
 * backslash stays as well, since what is shown is JSON or a name.
 */
const HIDDEN = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** A text in one line that can do nothing to the terminal which shows it: each control is written as JSON escapes it. */
export function visible(text: string): string {
  return text.replace(HIDDEN, (hidden) =>
    Array.from({ length: hidden.length }, (_, at) => `\\u${hidden.charCodeAt(at).toString(16).padStart(4, "0")}`).join(""),
  );
}
