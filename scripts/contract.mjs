// @ts-check
/**
 * The contract (docs/contract.md) and the tests that prove it. A line of the contract has an id (`F-29`, `U-10`, `B-3`) or is
 * an invariant of the design (`I2`); a test proves it when its name, or the name of a `describe` around it, holds the id.
 * Names are read from the syntax tree, so that comments and strings elsewhere do not count.
 */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";

/** @typedef {{ id: string, promise: string, tests: string[], line: number }} Row a line of docs/contract.md */
/** @typedef {Map<string, Set<string>>} Proofs the files with a test of that name, by id */

const ID = /(?<![\w-])(?:[A-Z]-\d+|I\d+)(?![\w-])/g;
const ROW = /^\|\s*([A-Z]-\d+|I\d+)\s*\|([^|]*)\|([^|]*)\|\s*$/;
const TEST_FILE = /(\.test\.tsx?|\.test\.mjs|\.test-d\.tsx?)$/;
const TEST_FUNCTIONS = ["it", "test", "describe"];

/**
 * The ids in a test's name. A range counts as each of its members: `"F-54..F-57 …"`.
 * @param {string} name
 * @returns {string[]}
 */
export function idsIn(name) {
  const ranges = name.matchAll(/(?<![\w-])([A-Z]-|I)(\d+)\.\.\1(\d+)(?![\w-])/g);
  const inside = [...ranges].flatMap(([, letter = "", first, last]) => {
    const start = Number(first);
    return Array.from({ length: Math.max(0, Number(last) - start + 1) }, (_, index) => `${letter}${start + index}`);
  });
  return [...new Set([...inside, ...(name.match(ID) ?? [])])];
}

/**
 * The rows of the tables in docs/contract.md.
 * @param {string} text
 * @returns {Row[]}
 */
export function rowsIn(text) {
  return text.split("\n").flatMap((line, index) => {
    const [, id, promise, tests] = ROW.exec(line) ?? [];
    if (id === undefined || promise === undefined || tests === undefined) return [];
    const files = tests
      .split(/[,\s]+/)
      .map((file) => file.replaceAll("`", ""))
      .filter((file) => file !== "");
    return [{ id, promise: promise.trim(), tests: files, line: index + 1 }];
  });
}

/**
 * The names of a file's tests: literals, and the constant parts of templates. Where a name is computed (`it(row.name, …)`,
 * `it.each(rows)("%s", …)`) every string of the file that begins with an id may be it. Skipped tests prove nothing.
 * @param {string} file its name, for the parser
 * @param {string} text
 * @returns {string[]}
 */
export function testNames(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, false);
  /** @type {string[]} */
  const names = [];
  /** @type {string[]} */
  const beginnings = [];
  let computed = false;
  /** @param {ts.Node} node */
  const visit = (node) => {
    if (ts.isCallExpression(node)) {
      const called = calledTest(node.expression);
      if (called === "skipped") return;
      const [title] = node.arguments;
      if (called === "runs" && title) {
        const name = literal(title);
        if (name !== undefined) names.push(name);
        if (name === undefined || /[%$]/.test(name)) computed = true;
      }
    }
    const text = literal(node);
    if (text !== undefined && idsIn(text).some((id) => text.startsWith(id))) beginnings.push(text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return computed ? [...new Set([...names, ...beginnings])] : names;
}

/**
 * Whether a call declares a test: `it(…)`, `test.only(…)`, `it.each(rows)(…)`, `describe.skipIf(x)(…)`.
 * @param {ts.Expression} callee
 * @returns {"runs" | "skipped" | undefined}
 */
function calledTest(callee) {
  let node = callee;
  let skipped = false;
  for (;;) {
    if (ts.isCallExpression(node)) node = node.expression;
    else if (ts.isTaggedTemplateExpression(node)) node = node.tag;
    else if (ts.isPropertyAccessExpression(node)) {
      skipped ||= ["skip", "todo"].includes(node.name.text);
      node = node.expression;
    } else break;
  }
  if (!ts.isIdentifier(node) || !TEST_FUNCTIONS.includes(node.text)) return undefined;
  return skipped ? "skipped" : "runs";
}

/**
 * The text of a string, or of a template with `$` for each part that is computed.
 * @param {ts.Node} node
 * @returns {string | undefined}
 */
function literal(node) {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isTemplateExpression(node)) return [node.head.text, ...node.templateSpans.map((span) => span.literal.text)].join("$");
  return undefined;
}

/**
 * Every id that a test of this repository names. The cases of the conformance suites count where they are written.
 * @param {string} folder
 * @returns {Proofs}
 */
export function proofsIn(folder) {
  /** @type {Proofs} */
  const proofs = new Map();
  for (const part of ["src", "test"]) {
    for (const item of readdirSync(path.join(folder, part), { recursive: true, withFileTypes: true })) {
      const file = path.relative(folder, path.join(item.parentPath, item.name)).replaceAll(path.sep, "/");
      if (!item.isFile() || file.includes("/node_modules/")) continue;
      const conformance = /^src\/testing\/.*\.ts$|^test\/support\/.*-suite\.ts$/.test(file);
      if (!TEST_FILE.test(file) && !conformance) continue;
      const text = readFileSync(path.join(folder, file), "utf8");
      const names = testNames(file, conformance ? `${text}\nit(computed);` : text);
      for (const id of names.flatMap(idsIn)) {
        const files = proofs.get(id) ?? new Set();
        proofs.set(id, files.add(file));
      }
    }
  }
  return proofs;
}

/**
 * What is wrong between the list and the tests, each as a sentence.
 * @param {Row[]} rows
 * @param {Proofs} proofs
 * @returns {string[]}
 */
export function contractProblems(rows, proofs) {
  /** @type {string[]} */
  const problems = [];
  const listed = new Set();
  for (const { id, promise, tests, line } of rows) {
    const where = `docs/contract.md:${line}: ${id}`;
    if (listed.has(id)) problems.push(`${where} is listed twice.`);
    listed.add(id);
    if (promise === "") problems.push(`${where} does not say what it promises.`);
    const files = proofs.get(id);
    if (!files) problems.push(`${where} has no test: no test's name holds "${id}".`);
    for (const test of tests) {
      if (files && !files.has(test))
        problems.push(`${where} names ${test}, which has no test of that name (${[...files].join(", ")} has).`);
    }
    if (files && tests.length === 0) problems.push(`${where} does not say where its test is: ${[...files].join(", ")}.`);
  }
  for (const [id, files] of proofs) {
    if (!listed.has(id))
      problems.push(`${[...files].join(", ")}: a test is named ${id}, which docs/contract.md does not list.`);
  }
  return problems;
}

/**
 * Rows for what is tested and not listed, to be pasted into docs/contract.md and given their promise.
 * @param {Row[]} rows
 * @param {Proofs} proofs
 * @returns {string[]}
 */
export function missingRows(rows, proofs) {
  const listed = new Set(rows.map((row) => row.id));
  return [...proofs]
    .filter(([id]) => !listed.has(id))
    .toSorted(([a], [b]) => order(a).localeCompare(order(b)))
    .map(
      ([id, files]) =>
        `| ${id} |  | ${[...files]
          .toSorted()
          .map((file) => `\`${file}\``)
          .join(" ")} |`,
    );
}

/**
 * Makes ids sort by letter, then by number.
 * @param {string} id
 * @returns {string}
 */
function order(id) {
  return id.replace(/\d+/, (digits) => digits.padStart(4, "0"));
}
