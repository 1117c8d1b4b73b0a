import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { doctor } from "../../src/cli/doctor.ts";
import { LISTED, printed, SHOWN } from "../support/doctor-guide.ts";
import { rawCommand } from "../support/raw-redis.ts";
import { startRedis } from "../support/redis-server.ts";

const folder = path.resolve(import.meta.dirname, "../../src/cli/doctor");

it("docs/guides/doctor.md lists what the doctor can find, and nothing else", () => {
  const found = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .flatMap((file) => [
      ...readFileSync(path.join(folder, file), "utf8").matchAll(
        /\b(?:ok|warning|problem)\(\s*"([a-z-]+)"|^\s+"(tls|reachable)",$/gm,
      ),
    ])
    .map(([, given, looked = ""]) => given ?? looked);
  expect([...LISTED].toSorted()).toEqual([...new Set(found)].toSorted());
});

it("docs/guides/doctor.md shows the help", () => {
  expect(SHOWN.at(-1)).toBe(doctor.help);
});

it("docs/guides/doctor.md shows what is printed of a Redis", async () => {
  await using redis = await startRedis({ args: ["--maxmemory", "256mb", "--maxmemory-policy", "allkeys-lru"] });
  const page = readFileSync(path.join(folder, "../../../docs/reference/errors.md"), "utf8");
  const [, rules = ""] = /^ACL SETUSER app on >password (.*)$/m.exec(page) ?? [];
  const wanted = rules.split(" ").filter((rule) => rule !== "+publish" && rule !== "+time");
  await rawCommand(redis.port, "ACL", "SETUSER", "app", "on", ">password", ...wanted);
  const shown = await printed(
    ["--redis", `redis://app:password@127.0.0.1:${redis.port}`],
    [
      [`127.0.0.1:${redis.port}`, "redis.internal:6379"],
      [/It is (Redis|Valkey) [\d.]+\d/g, "It is Redis 7.0.15"],
      [/uses [\d.]+ MB/g, "uses 31.4 MB"],
    ],
  );
  expect(shown).toBe(SHOWN[1]);
});
