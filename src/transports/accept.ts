/** A media range of an `Accept` header, as `text/*`, with its weight. */
interface WeighedRange {
  readonly range: string;
  readonly weight: number;
}

/**
 * Whether an `Accept` header would rather have a page of JSON than a stream. Where it is indifferent, as without the header or
 * with `*\/*`, the answer is the stream.
 */
export function prefersPage(accept: string | null | undefined): boolean {
  const ranges = (accept ?? "*/*").split(",").map(parseRange);
  return weightOf("application/json", ranges) > weightOf("text/event-stream", ranges);
}

function parseRange(text: string): WeighedRange {
  const [range = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? "1";
  // What is no weight counts as if it were not there.
  return { range, weight: /^(0(\.\d*)?|1(\.0*)?)$/.test(weight) ? Number(weight) : 1 };
}

/** The weight of the range that names the type most closely; 0 when none does. */
function weightOf(type: string, ranges: readonly WeighedRange[]): number {
  const family = `${type.slice(0, type.indexOf("/"))}/*`;
  for (const name of [type, family, "*/*"]) {
    const weights = ranges.filter(({ range }) => range === name).map(({ weight }) => weight);
    if (weights.length > 0) return Math.max(...weights);
  }
  return 0;
}
