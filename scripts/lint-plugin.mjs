// @ts-check
/** Lint rules of this repository that oxlint does not have. */

/**
 * @typedef {{ report(finding: { node: unknown, message: string }): void }} Context
 */

const plugin = {
  meta: { name: "tidings" },
  rules: {
    /** The names that a module exports are written out, so that nothing becomes public by accident. */
    "no-export-star": {
      create(/** @type {Context} */ context) {
        return {
          ExportAllDeclaration(/** @type {unknown} */ node) {
            context.report({ node, message: "Write the exported names out instead of `export *`." });
          },
        };
      },
    },
  },
};

export default plugin;
