import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import {
  DEFAULT_EXPIRE_AFTER_SECS,
  DEFAULT_MAX_DURATION_SECS,
  DEFAULT_MAX_LENGTH,
  HEARTBEAT_MS,
} from "../../src/protocol/limits.ts";
import { GUIDE_FILES } from "../support/guide-proxies.ts";

const root = path.resolve(import.meta.dirname, "../..");
const read = (file: string): string => readFileSync(path.join(root, file), "utf8");
const guide = read("docs/guides/production.md");

// The files themselves run in production-proxies.long.test.ts.
describe("docs/guides/production.md", () => {
  it("shows the files for proxies, whole", () => {
    const shown = [
      ...guide.matchAll(/^\[(?<file>[\w.]+)\]\(proxies\/\k<file>\)\n\n```(?<language>\w+)\n(?<text>[\s\S]*?)^```$/gm),
    ];
    expect(new Map(shown.map(({ groups }) => [groups?.["file"], groups?.["text"]]))).toEqual(GUIDE_FILES);
    const shells = guide.match(/^```sh$/gm) ?? [];
    expect(guide.match(/^```/gm)).toHaveLength(2 * (GUIDE_FILES.size + shells.length));
  });

  it("whose timeouts are above the heartbeat", () => {
    const all = [...GUIDE_FILES.values()].join("\n");
    const silences = [...all.matchAll(/^ *(?:proxy_read_timeout|timeout (?:client|server)) (\d+)s/gm)].map(([, secs]) =>
      Number(secs),
    );
    expect(silences).toHaveLength(3);
    expect(Math.min(...silences) * 1_000).toBeGreaterThan(2 * HEARTBEAT_MS);
    expect(all.match(/each 15 s/g)).toHaveLength(2);
  });

  it("names the defaults", () => {
    expect([HEARTBEAT_MS, DEFAULT_MAX_DURATION_SECS, DEFAULT_MAX_LENGTH, DEFAULT_EXPIRE_AFTER_SECS / 3_600]).toEqual([
      15_000, 300, 1_000, 24,
    ]);
    expect(guide).toContain("sends a comment each 15 s");
    expect(guide).toContain("`maxDurationSecs` (300)");
    expect(guide).toContain("keeps 1,000 events and goes 24 hours after the last");
  });

  it("has the figures of bench/RESULTS.md", () => {
    const [, part = ""] = read("bench/RESULTS.md").split("## Streams and logs: `npm run bench:sizing`");
    const measured = [...part.matchAll(/^\| (.*) \|$/gm)].map(([, row = ""]) => row.split(" | ").map(rounded));
    const [, sizing = ""] = guide.split("## Sizing");
    const told = [...sizing.matchAll(/^\| .* \| ([\d.,]+) (kB|MB) \|$/gm)].map(([, value = "", unit]) =>
      rounded(String(Number(value) * (unit === "MB" ? 1_000 : 1))),
    );
    expect(told.length).toBeGreaterThan(7);
    for (const value of told) expect(measured.flat(), value).toContain(value);
  });

  it("is linked from where people look, and links back", () => {
    for (const page of ["README.md", "docs/guides/proxies.md", "docs/guides/doctor.md"])
      expect(read(page)).toContain("production.md");
    const links = [
      ...guide.matchAll(/\]\((proxies\.md|doctor\.md|redis\.md|tabs\.md|upstash\.md|proxies\/[\w.]+)(?:#[\w-]+)?\)/g),
    ];
    for (const [, file = ""] of links) expect(existsSync(path.join(root, "docs/guides", file)), file).toBe(true);
  });
});

/** To two digits: the guide says no more. Not a number: as it is. */
function rounded(text: string): string {
  const value = Number(text.replaceAll(",", ""));
  return Number.isFinite(value) ? String(Number(value.toPrecision(2))) : text;
}
