import { rawCommand } from "../test/support/raw-redis.ts";
import type { Way } from "./emit-ways.ts";

/** How {@link runTurn} sends. */
export interface Turn {
  readonly way: Way;
  /** The number of the first event. */
  readonly from: number;
  /** Events that are sent without waiting. */
  readonly burst: number;
  /** One after the other. */
  readonly bursts: number;
}

/** Sends bursts of events. @returns events per second @throws Error when not every one of them is in the log */
export async function runTurn(port: number, key: string, { way, from, burst, bursts }: Turn): Promise<number> {
  const before = await entriesAdded(port, key);
  const started = performance.now();
  for (let done = 0; done < bursts; done++) {
    await Promise.all(Array.from({ length: burst }, (_, at) => way(from + done * burst + at)));
  }
  const ms = performance.now() - started;
  const count = burst * bursts;
  const added = (await entriesAdded(port, key)) - before;
  if (added !== count) throw new Error(`${count} events were sent and ${added} stored`);
  return (count / ms) * 1_000;
}

/** Entries that a log has ever had, those that were trimmed too. */
async function entriesAdded(port: number, key: string): Promise<number> {
  if ((await rawCommand(port, "EXISTS", key)) === 0) return 0;
  const reply = await rawCommand(port, "XINFO", "STREAM", key);
  if (!Array.isArray(reply)) return 0;
  return Number(reply[reply.indexOf("entries-added") + 1]);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** The median of the ratios, pair by pair, and between what values the middle half of them lie. */
export function ratio(values: readonly number[], references: readonly number[]): string {
  const ratios = values.map((value, at) => value / (references[at] as number)).sort((a, b) => a - b);
  const quarter = ratios.length >> 2;
  return `${median(ratios).toFixed(2)} (${(ratios[quarter] as number).toFixed(2)}–${(ratios[ratios.length - 1 - quarter] as number).toFixed(2)})`;
}

/** A table in Markdown. */
export function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, at) => (at < 2 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}
