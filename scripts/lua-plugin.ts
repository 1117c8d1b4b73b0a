import type { Plugin } from "vite";

/**
 * Lets TypeScript import a `.lua` file as its text, in the build (tsdown) and in the tests (vitest) alike.
 * Comments and indentation are stripped: the text travels to Redis.
 */
export function luaPlugin(): Plugin {
  return {
    name: "lua",
    transform(code, id) {
      if (!id.endsWith(".lua")) return null;
      const text = code
        .split("\n")
        .map((line) => line.replace(/^\s*--.*$/, "").trim())
        .filter((line) => line !== "")
        .join("\n");
      return { code: `export default ${JSON.stringify(text)};`, moduleType: "js", map: null };
    },
  };
}
