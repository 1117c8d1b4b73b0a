import { withoutSecretsIn } from "../secrets.ts";
import { printable } from "./foreign-text.ts";
import { isSick, type Finding, type Severity } from "./finding.ts";

const MARKS: Readonly<Record<Severity, string>> = { ok: "ok      ", warning: "warning ", problem: "PROBLEM " };
const INDENT = " ".repeat(MARKS.ok.length);

/** The findings as lines for a person, and what they come to in the end. */
export function reportText(findings: readonly Finding[]): string {
  const lines = findings.flatMap(({ id, severity, text, cure }) => [
    `${MARKS[severity]}${text}${severity === "ok" ? "" : ` [${id}]`}`,
    ...(cure === undefined ? [] : cure.split("\n").map((line) => `${INDENT}${line}`)),
  ]);
  return [...lines, "", summary(findings)].join("\n");
}

/** The findings as JSON for a program: `{ ok, findings }`. */
export function reportJson(findings: readonly Finding[]): string {
  return JSON.stringify({ ok: !isSick(findings), findings }, undefined, 2);
}

function summary(findings: readonly Finding[]): string {
  const count = (wanted: Severity): number => findings.filter(({ severity }) => severity === wanted).length;
  const counts = [
    [count("problem"), "problem"],
    [count("warning"), "warning"],
  ] as const;
  const said = counts.flatMap(([number, name]) => (number === 0 ? [] : `${number} ${name}${number === 1 ? "" : "s"}`));
  return said.length === 0 ? "Nothing stands in the way." : `${said.join(", ")}.`;
}

/** Findings as they may be shown: they name none of these secrets, and hold nothing that a terminal would obey. */
export function withoutSecrets(findings: readonly Finding[], secrets: readonly string[]): Finding[] {
  const clean = (text: string): string => printable(withoutSecretsIn(text, secrets));
  return findings.map(({ text, cure, ...rest }) => ({
    ...rest,
    text: clean(text),
    // What is to be copied stands on a line of its own.
    ...(cure !== undefined && { cure: cure.split("\n").map(clean).join("\n") }),
  }));
}
