import { versionProblem } from "../../../brokers/redis/failures.ts";
import { ok, problem, warning, type Finding } from "../finding.ts";
import type { Patient } from "./connection.ts";

/** The fields of `INFO`. */
export type Facts = ReadonlyMap<string, string>;

/** What a server says of itself, or the error with which it refuses to. */
export async function factsOf(patient: Patient): Promise<Facts | Error> {
  const reply = await patient.ask("INFO");
  if ("error" in reply) return reply.error;
  return new Map(
    String(reply.value)
      .split(/\r?\n/)
      .flatMap((line) => {
        const at = line.indexOf(":");
        return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : [];
      }),
  );
}

/** Whether a server is one of a Cluster. One that refuses INFO says so to whoever greets it: that is never refused. */
export async function isOfCluster(patient: Patient, facts: Facts | Error): Promise<boolean> {
  if (!(facts instanceof Error)) return facts.get("cluster_enabled") === "1";
  const reply = await patient.ask("HELLO");
  const told: unknown = "value" in reply ? reply.value : undefined;
  // In pairs, or as the newer protocol has it.
  if (Array.isArray(told)) return told[told.indexOf("mode") + 1] === "cluster";
  return typeof told === "object" && told !== null && "mode" in told && told.mode === "cluster";
}

/** What can be said about a server by what it says of itself. */
export function serverFindings(facts: Facts | Error): Finding[] {
  if (facts instanceof Error) {
    return [
      warning(
        "redis-info",
        `INFO is refused (${facts.message}), so that version, memory and eviction stay unknown.`,
        "Look into the console of the service: `maxmemory-policy` has to be `noeviction`, and the version 6.2 or later.",
      ),
    ];
  }
  return [...versionFindings(facts), ...roleFindings(facts), evictionFinding(facts), memoryFinding(facts)];
}

function versionFindings(facts: Facts): Finding[] {
  const version = facts.get("redis_version") ?? "unknown";
  const valkey = facts.get("valkey_version");
  const trouble = versionProblem(version);
  if (trouble !== undefined)
    return [problem("redis-version", `${trouble}.`.replace(/^it/, "It"), "Take Redis 7 or later, or Valkey.")];
  const findings = [ok("redis-version", valkey === undefined ? `It is Redis ${version}.` : `It is Valkey ${valkey}.`)];
  // Said of itself only by a server that was told to wait for replicas.
  if (Number.parseInt(version, 10) < 7 && facts.has("min_slaves_good_slaves")) {
    findings.push(
      warning(
        "redis-replicas",
        "`min-replicas-to-write` is set, and Redis before 7 does not apply it to scripts, which is how events are stored.",
        "Take Redis 7 or later if you rely on it.",
      ),
    );
  }
  return findings;
}

function roleFindings(facts: Facts): Finding[] {
  if (facts.get("role") !== "slave") return [];
  return [
    problem(
      "redis-role",
      "It is a replica: nothing can be stored there.",
      "Give the address of the master; to follow a failover, pass a client for Sentinel or for the Cluster to `Realtime`.",
    ),
  ];
}

function evictionFinding(facts: Facts): Finding {
  const policy = facts.get("maxmemory_policy") ?? "unknown";
  if (policy === "noeviction") return ok("redis-eviction", "It evicts nothing (noeviction).");
  if (policy === "unknown") {
    return warning(
      "redis-eviction",
      "It does not say what it drops when memory is short.",
      "Look into the console of the service: `maxmemory-policy` has to be `noeviction`.",
    );
  }
  const why = policy.startsWith("volatile-") ? "keys that expire, as logs do" : "keys, and a log is a key";
  const text = `When memory is short it drops ${why} (maxmemory-policy ${policy}): whoever was to catch up is told of a gap instead.`;
  const cure =
    "CONFIG SET maxmemory-policy noeviction, and the same in redis.conf. `emit` then rejects when Redis is full. Is it a cache, too? Give tidings a Redis of its own.";
  // Without a limit it never comes to that.
  return facts.get("maxmemory") === "0" ? warning("redis-eviction", text, cure) : problem("redis-eviction", text, cure);
}

function memoryFinding(facts: Facts): Finding {
  const max = Number(facts.get("maxmemory") ?? 0);
  const used = Number(facts.get("used_memory") ?? 0);
  if (max === 0) {
    return warning(
      "redis-memory",
      `It uses ${megabytes(used)} and has no limit (maxmemory 0): when the machine is full, the system kills it.`,
      "CONFIG SET maxmemory <bytes>, below what the machine has, and the same in redis.conf.",
    );
  }
  const text = `It uses ${megabytes(used)} of ${megabytes(max)}`;
  if (used < max * 0.9) return ok("redis-memory", `${text}.`);
  return problem(
    "redis-memory",
    `${text}: events will soon be refused.`,
    "Give it more memory, or keep less: `history: { maxLength, expireAfterSecs }` of `Realtime`.",
  );
}

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MB`;
