// @ts-check
/** The lines that the page shows, read from the files that run. */
import { readFileSync } from "node:fs";

/** @param {string} file relative to `demo` */
function shownRegion(file) {
  const text = readFileSync(new URL(`../${file}`, import.meta.url), "utf8");
  const region = /\/\/ #region shown\n([\s\S]*?)\n[ \t]*\/\/ #endregion/.exec(text)?.[1] ?? "";
  const indent = Math.min(
    ...region
      .split("\n")
      .filter(Boolean)
      .map((line) => line.search(/\S/)),
  );
  return {
    file: `demo/${file}`,
    code: region
      .split("\n")
      .map((line) => line.slice(indent))
      .join("\n"),
  };
}

export const shownSource = () => ({
  shop: shownRegion("shop/shop.mjs"),
  plainServer: shownRegion("shop/plain.mjs"),
  plainClient: shownRegion("page/plain-phone.ts"),
});
