import { expect, it } from "vitest";
import { ok, problem, warning } from "./finding.ts";
import { reportJson, reportText, withoutSecrets } from "./report.ts";

const GOOD = ok("a", "All is well.");

it("says of each finding what it is, of what is not well its name and its cure, and counts them", () => {
  expect(reportText([GOOD])).toBe("ok      All is well.\n\nNothing stands in the way.");
  const findings = [
    GOOD,
    problem("b", "It is ill.", "Rest."),
    warning("c", "It coughs.", "Tea."),
    problem("d", "It fell.", "Help."),
  ];
  expect(reportText(findings).split("\n")).toEqual([
    "ok      All is well.",
    "PROBLEM It is ill. [b]",
    "        Rest.",
    "warning It coughs. [c]",
    "        Tea.",
    "PROBLEM It fell. [d]",
    "        Help.",
    "",
    "2 problems, 1 warning.",
  ]);
});

it("is ok, for a program, as long as there is no problem", () => {
  const cough = warning("c", "It coughs.", "Tea.");
  expect(JSON.parse(reportJson([GOOD, cough]))).toEqual({ ok: true, findings: [GOOD, cough] });
  expect(JSON.parse(reportJson([problem("b", "It is ill.", "Rest.")]))).toMatchObject({ ok: false });
});

it("names no secret that a server repeats", () => {
  const told = [problem("b", "Who is open-sesame?", "Not open-sesame."), GOOD];
  expect(withoutSecrets(told, ["open-sesame", "", "is"])).toEqual([problem("b", "Who is ***?", "Not ***."), GOOD]);
});
