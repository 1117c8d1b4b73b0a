/**
 * How many steps a backtracking matcher takes for a regular expression: the engine's own steps cannot be counted. It tries what a
 * backtracking engine without optimisations tries, in the same order.
 */

type Node =
  | { readonly kind: "char"; readonly test: (char: string) => boolean }
  | { readonly kind: "start" | "end" | "boundary" }
  | { readonly kind: "group"; readonly options: readonly Node[][] }
  | { readonly kind: "look"; readonly options: readonly Node[][]; readonly negated: boolean; readonly behind: boolean }
  | { readonly kind: "repeat"; readonly node: Node; readonly min: number; readonly max: number; readonly lazy: boolean };

/** Reads what the sources use of the language. @throws for the rest of it */
function parse({ source, flags }: RegExp): Node[][] {
  let at = 0;
  const options = (): Node[][] => {
    const all: Node[][] = [[]];
    while (at < source.length && source[at] !== ")") {
      if (source[at] === "|") {
        at++;
        all.push([]);
      } else (all.at(-1) as Node[]).push(repeated(atom()));
    }
    return all;
  };
  const single = (text: string): Node => {
    const one = new RegExp(`^(?:${text})$`, flags.replace(/[gy]/g, ""));
    return { kind: "char", test: (char) => one.test(char) };
  };
  const atom = (): Node => {
    const rest = source.slice(at);
    const look = /^\(\?(<?)([=!])/.exec(rest);
    const taken = look?.[0] ?? /^\((?:\?:|\?<\w+>)?/.exec(rest)?.[0];
    if (taken !== undefined) {
      at += taken.length;
      const inner = options();
      at++;
      return look
        ? { kind: "look", options: inner, negated: look[2] === "!", behind: look[1] === "<" }
        : { kind: "group", options: inner };
    }
    if (rest.startsWith("\\b")) return ((at += 2), { kind: "boundary" });
    if (rest[0] === "^") return (at++, { kind: "start" });
    if (rest[0] === "$") return (at++, { kind: "end" });
    const text = /^(?:\[(?:\\.|[^\]\\])*\]|\\x[\da-f]{2}|\\u[\da-f]{4}|\\p\{\w+\}|\\[^1-9]|[^\\])/is.exec(rest)?.[0];
    if (text === undefined) throw new Error(`not understood: ${rest}`);
    at += text.length;
    return single(text);
  };
  const repeated = (node: Node): Node => {
    const quantifier = /^(?:[*+?]|\{(\d+)(,(\d*))?\})(\??)/.exec(source.slice(at));
    if (!quantifier) return node;
    at += quantifier[0].length;
    const [sign = "", min, comma, max, lazy] = quantifier;
    const low = min === undefined ? (sign.startsWith("+") ? 1 : 0) : Number(min);
    const high =
      min === undefined ? (sign.startsWith("?") ? 1 : Infinity) : comma === undefined ? low : max ? Number(max) : Infinity;
    return { kind: "repeat", node, min: low, max: high, lazy: lazy === "?" };
  };
  return options();
}

/** Steps of a search of the whole text, as `test`, `split` and `replace` make it, up to `limit`. */
export function countSteps(regex: RegExp, text: string, limit: number): number {
  const tree = parse(regex);
  let steps = 0;
  const step = (): void => {
    if (++steps > limit) throw new RangeError("too many steps");
  };
  const any = (options: readonly Node[][], at: number, then: (at: number) => boolean): boolean =>
    options.some((nodes) => sequence(nodes, 0, at, then));
  const sequence = (nodes: readonly Node[], index: number, at: number, then: (at: number) => boolean): boolean => {
    const node = nodes[index];
    return node ? match(node, at, (next) => sequence(nodes, index + 1, next, then)) : then(at);
  };
  const isWord = (char: string | undefined): boolean => /\w/.test(char ?? " ");
  const match = (node: Node, at: number, then: (at: number) => boolean): boolean => {
    step();
    if (node.kind === "char") return at < text.length && node.test(text[at] as string) && then(at + 1);
    if (node.kind === "start") return at === 0 && then(at);
    if (node.kind === "end") return at === text.length && then(at);
    if (node.kind === "boundary") return isWord(text[at - 1]) !== isWord(text[at]) && then(at);
    if (node.kind === "group") return any(node.options, at, then);
    if (node.kind === "look") {
      const holds = node.behind
        ? Array.from({ length: at + 1 }, (_, from) => from).some((from) => any(node.options, from, (end) => end === at))
        : any(node.options, at, () => true);
      return holds !== node.negated && then(at);
    }
    if (node.kind !== "repeat") throw new Error("there is no such node in a regular expression");
    const { node: inner, min, max, lazy } = node;
    const again = (count: number, from: number): boolean => {
      const more = (): boolean =>
        count < max && match(inner, from, (next) => (next > from || count < min) && again(count + 1, next));
      const enough = (): boolean => count >= min && then(from);
      return lazy ? enough() || more() : more() || enough();
    };
    return again(0, at);
  };
  try {
    for (let from = 0; from <= text.length;) {
      let end: number | undefined;
      if (any(tree, from, (at) => ((end = at), true))) from = Math.max(from + 1, end ?? 0);
      else from++;
    }
  } catch (error) {
    if (!(error instanceof RangeError) || error.message !== "too many steps") throw error;
  }
  return steps;
}
