import { appendFileSync } from "node:fs";
import path from "node:path";
import { sum, type Tally } from "./tally.ts";

/** Whether only a short form of everything is to run, as in CI: fewer clients, shorter faults. */
export const isShort: boolean = process.env.CHAOS_SHORT === "1";

/**
 * Adds a row to one of the tables that `npm run test:chaos` prints at its end, and writes into `docs/guides/delivery.md` when asked.
 *
 * @param table its name
 * @param row what stands below each heading
 */
export function addRow(table: string, row: Readonly<Record<string, string | number>>): void {
  const folder = process.env.CHAOS_TABLES;
  if (folder) appendFileSync(path.join(folder, `${table}.jsonl`), `${JSON.stringify(row)}\n`);
}

/** What a row says of what readers were shown. */
export function columnsOf(tallies: readonly Tally[]): Record<string, number> {
  const { events, shown, lost, told, doubled, gaps } = sum(tallies);
  return { "Stored × readers": events, Shown: shown, "Lost in silence": lost, "Told of": told, Doubled: doubled, Gaps: gaps };
}
