/** How much it matters: a `problem` keeps events from arriving or loses them; a `warning` may, or costs more than it must. */
export type Severity = "ok" | "warning" | "problem";

/** One thing that the doctor looked at. */
export interface Finding {
  /** Stays the same from version to version: `"redis-eviction"`. */
  readonly id: string;
  readonly severity: Severity;
  /** What was seen, and what follows from it. */
  readonly text: string;
  /** What to do. There for all that is not `ok`. A line to be copied stands on a line of its own. */
  readonly cure?: string | undefined;
}

/** What is as it should be. */
export const ok = (id: string, text: string): Finding => ({ id, severity: "ok", text });

/** What may cost something some day. */
export const warning = (id: string, text: string, cure: string): Finding => ({ id, severity: "warning", text, cure });

/** What has to be mended. */
export const problem = (id: string, text: string, cure: string): Finding => ({ id, severity: "problem", text, cure });

/** Whether something has to be mended. */
export const isSick = (findings: readonly Finding[]): boolean => findings.some(({ severity }) => severity === "problem");
