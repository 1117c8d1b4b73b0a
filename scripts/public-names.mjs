// @ts-check
/** The public names of the built package, as an editor sees them: with or without a sentence on what they are. */
import path from "node:path";
import ts from "typescript";
import { entries, root } from "./entries.mjs";

/**
 * The public names without documentation, each as `"entry: name"`.
 * @param {string} [folder] the root of a built package
 * @returns {string[]}
 */
export function undocumentedNames(folder = root) {
  const files = new Map(entries(folder).map((entry) => [path.join(folder, "dist", `${entry.name}.d.ts`), entry.subpath]));
  const program = ts.createProgram([...files.keys()], {
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    noLib: true,
    types: [],
  });
  const checker = program.getTypeChecker();
  return [...files].flatMap(([file, subpath]) => {
    const source = program.getSourceFile(file);
    const module = source && checker.getSymbolAtLocation(source);
    if (!module) return [];
    return checker
      .getExportsOfModule(module)
      .map((name) =>
        name.flags & ts.SymbolFlags.Alias ? { name, meant: checker.getAliasedSymbol(name) } : { name, meant: name },
      )
      .filter(({ meant }) => meant.getDocumentationComment(checker).length === 0)
      .map(({ name }) => `${subpath}: ${name.name}`);
  });
}
