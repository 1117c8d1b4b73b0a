import { redisNames } from "../../../brokers/redis/names.ts";
import { ok, problem, warning, type Finding } from "../finding.ts";
import type { Patient, Reply } from "./connection.ts";

/** What the docs ask an administrator to allow, and a call that only shows whether it is: it changes nothing, whatever comes of it. */
interface Probe {
  /** As in an ACL: `"script|load"`. */
  readonly command: string;
  readonly args: readonly string[];
  /** What is worse without it. Nothing works without one that has none. */
  readonly loss?: string;
}

export interface PermissionOptions {
  /** That of the application. */
  readonly keyPrefix: string;
  readonly db: number;
  /** Whom Redis lets in: `"default"` when the URL names nobody. */
  readonly user: string;
  readonly isCluster: boolean;
  /** A channel that nobody has. */
  readonly channel: string;
}

const DOUBT = "an emit whose reply was lost more often ends as `outcome_unknown`";
const TEXT = "each emit sends its script as text, which is slower";

function probesOf({ keyPrefix, db, channel, isCluster }: PermissionOptions): Probe[] {
  const names = redisNames("", keyPrefix, db);
  const [key, live, once] = [names.keyOf(channel), names.liveOf(channel), names.onceOf(channel, "1")];
  return [
    { command: "eval", args: ["return 1", "0"] },
    { command: "xadd", args: [key, "NOMKSTREAM", "*", "v", "1"] },
    { command: "xrange", args: [key, "-", "+", "COUNT", "1"] },
    { command: "xrevrange", args: [key, "+", "-", "COUNT", "1"] },
    { command: "xlen", args: [key] },
    { command: "xinfo", args: ["STREAM", key] },
    { command: "exists", args: [key] },
    { command: "pexpire", args: [key, "1000"], loss: "logs stay for ever" },
    { command: "persist", args: [key], loss: "`history.expireAfterSecs: Infinity` does not keep a log that was to expire" },
    { command: "get", args: [once], loss: WITHOUT_ID },
    { command: "set", args: [once, "1", "XX"], loss: "an emit with an `id` that is sent again is stored again" },
    {
      command: "publish",
      args: [live, ""],
      loss: "events are stored and not announced: readers get them only when they next read the log",
    },
    { command: "evalsha", args: ["0".repeat(40), "0"], loss: TEXT },
    // Which is no script, so that none is kept.
    { command: "script|load", args: ["("], loss: TEXT },
    { command: "time", args: [], loss: DOUBT },
    { command: "info", args: ["server"], loss: DOUBT },
    { command: "client|id", args: [], loss: DOUBT },
    { command: "client|kill", args: ["ID", "0"], loss: DOUBT },
    ...(isCluster
      ? [
          { command: "cluster|slots", args: [] },
          { command: "spublish", args: [live, ""], loss: "each message goes to every server of the cluster" },
          { command: "asking", args: [], loss: "events wait while a slot moves" },
        ]
      : []),
  ];
}

/** Losses after which events are late, doubled or there for ever: the rest is only slower. */
const GRAVE: ReadonlySet<string> = new Set(["pexpire", "publish"]);

/** What is worse without the keys of an emit with an `id`: the script that stores it refuses as a whole. */
const WITHOUT_ID = "an emit with an `id` is refused";

/** What cannot be tried without changing something, or is not answered with a refusal. */
const UNTRIED = ["unsubscribe", "ping"];

/** Every rule that the docs ask for, in one line: more than one that is missing can hide another, of keys or channels. */
function wholeRule(options: PermissionOptions): string {
  const { keyPrefix, user, isCluster } = options;
  const commands = [...probesOf(options).map(({ command }) => command), "subscribe", ...UNTRIED];
  if (isCluster) commands.push("ssubscribe", "sunsubscribe");
  const prefix = patternOf(keyPrefix);
  const rules = [...commands.map((command) => `+${command}`), `~${prefix}:*`, `~{${prefix}:*`, `&{${prefix}:*`];
  return `ACL SETUSER ${user} ${rules.join(" ")}`;
}

/** A prefix in a pattern of Redis, where some characters stand for others. */
const patternOf = (keyPrefix: string): string => keyPrefix.replace(/[\\*?[\]^]/g, "\\$&");

/** Whether the user of the URL may do what tidings does. */
export async function permissionFindings(
  patient: Patient,
  listening: Patient | undefined,
  options: PermissionOptions,
): Promise<Finding[]> {
  const missing = new Set<string>();
  const findings: Finding[] = [];
  const note = (rule: string, what: string, { loss, isGrave }: { loss?: string | undefined; isGrave: boolean }): void => {
    if (missing.has(rule)) return;
    missing.add(rule);
    const text = `The user "${options.user}" may not ${what}: ${loss ?? "without that nothing works"}.`;
    const cure = `ACL SETUSER ${options.user} ${rule}`;
    findings.push(isGrave ? problem("redis-permissions", text, cure) : warning("redis-permissions", text, cure));
  };
  const notice = (reply: Reply, { command, loss }: Omit<Probe, "args">): void => {
    const denied = deniedBy(reply);
    const isGrave = loss === undefined || GRAVE.has(command);
    if (denied === "command") note(`+${command}`, `call ${command.replace("|", " ").toUpperCase()}`, { loss, isGrave });
    else if (denied === "key") note(...keyRule(command, options.keyPrefix));
    else if (denied === "channel")
      note(`&{${patternOf(options.keyPrefix)}:*`, `use the channels {${options.keyPrefix}:*`, { isGrave: true });
  };
  for (const { command, args, loss } of probesOf(options)) {
    const [name = "", ...sub] = command.toUpperCase().split("|");
    // oxlint-disable-next-line no-await-in-loop -- one after the other, on one connection
    notice(await patient.ask(name, ...sub, ...args), { command, ...(loss !== undefined && { loss }) });
  }
  if (listening) {
    const live = redisNames("", options.keyPrefix, options.db).liveOf(options.channel);
    const { isCluster } = options;
    notice(await listening.subscribe(live, isCluster), { command: isCluster ? "ssubscribe" : "subscribe" });
  }
  const last = findings.at(-1);
  if (!last) return [ok("redis-permissions", "The user may do all that tidings does.")];
  if (findings.length === 1) return findings;
  const where = options.isCluster ? "at once, to be run on each server of the Cluster" : "at once";
  const keep = "(`ACL SAVE` keeps it in the file for ACLs; without one the same stands in redis.conf as `user …`)";
  return [
    ...findings.slice(0, -1),
    { ...last, cure: `${last.cure}\nOr all that is needed, ${where} ${keep}:\n${wholeRule(options)}` },
  ];
}

/** The keys of logs, and beside them those of an emit with an `id`. */
function keyRule(command: string, keyPrefix: string): [rule: string, what: string, how: { loss?: string; isGrave: boolean }] {
  const isOfId = command === "get" || command === "set";
  const brace = isOfId ? "{" : "";
  return [
    `~${brace}${patternOf(keyPrefix)}:*`,
    `use the keys ${brace}${keyPrefix}:*`,
    isOfId ? { loss: WITHOUT_ID, isGrave: false } : { isGrave: true },
  ];
}

/** What stands in the way when it is a permission. */
function deniedBy(reply: Reply): "command" | "key" | "channel" | undefined {
  if (!("error" in reply)) return undefined;
  const { message } = reply.error;
  // A service that does not have a command says so in these words.
  if (/^ERR unknown (sub)?command/i.test(message)) return "command";
  if (!/^NOPERM\b/.test(message)) return undefined;
  if (/\bchannels?\b/.test(message)) return "channel";
  return /\bkeys?\b/.test(message) ? "key" : "command";
}
