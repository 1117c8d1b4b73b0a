// @ts-check
/**
 * Fails for a line of docs/contract.md without a test of that name, and for a test named after a line that is not listed.
 * `--missing` prints what is not listed, as rows to paste.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { contractProblems, missingRows, proofsIn, rowsIn } from "./contract.mjs";
import { root } from "./entries.mjs";

const rows = rowsIn(readFileSync(path.join(root, "docs/contract.md"), "utf8"));
const proofs = proofsIn(root);

if (process.argv.includes("--missing")) {
  for (const row of missingRows(rows, proofs)) console.log(row);
} else {
  const problems = contractProblems(rows, proofs);
  for (const problem of problems) console.error(`contract: ${problem}`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
