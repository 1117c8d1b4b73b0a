// @ts-check
/** Tables of figures in Markdown, and the places for them in a page: `<!-- table: name -->` to `<!-- end -->`. */

/**
 * @param {ReadonlyArray<Readonly<Record<string, string | number>>>} rows all with the same headings
 * @returns {string} numbers to the right, with thousands apart
 */
export function tableOf(rows) {
  const headings = Object.keys(rows[0] ?? {});
  const isNumber = headings.map((heading) => rows.every((row) => typeof row[heading] === "number"));
  const lines = rows.map((row) => headings.map((heading) => textOf(row[heading] ?? "")));
  const rule = isNumber.map((number) => (number ? "--:" : "---"));
  return [headings, rule, ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** @param {string | number} value */
function textOf(value) {
  return typeof value === "number" ? value.toLocaleString("en-US") : value.replaceAll("|", "\\|");
}

/**
 * Puts tables in their places. A place whose table is not given stays as it is.
 *
 * @param {string} page
 * @param {ReadonlyMap<string, string>} tables
 * @returns {string}
 */
export function fillTables(page, tables) {
  return page.replaceAll(/(<!-- table: ([\w-]+) -->\n)[^]*?(<!-- end -->)/g, (all, begin, name, end) => {
    const table = tables.get(name);
    return table === undefined ? all : `${begin}\n${table}\n\n${end}`;
  });
}
