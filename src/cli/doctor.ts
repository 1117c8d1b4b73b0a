import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import { parseArgs, type ParseArgsConfig } from "node:util";
import { isChannelName } from "../protocol/names.ts";
import { headerOf, keyPrefixOf, refuseEmpty } from "./arguments.ts";
import { UsageError, type Command } from "./command.ts";
import { examineEndpoint, type EndpointOptions } from "./doctor/endpoint/examine.ts";
import { isSick, type Finding } from "./doctor/finding.ts";
import { examineRedis } from "./doctor/redis/examine.ts";
import { reportJson, reportText, withoutSecrets } from "./doctor/report.ts";
import { passwordsOf, secretsOf } from "./secrets.ts";

const HELP = `Usage: tidings doctor [--redis <url>] [--url <endpoint>] [options]

Looks for what keeps events from arriving, and says what to do about it.

  --redis <url>         a Redis, as redis://user:password@host:6379 or rediss://…: does there what tidings does.
                        One small key is written, which expires within a second
  --key-prefix <text>   what begins each key [tidings]

  --url <endpoint>      the address that browsers listen to: asks as they do, and watches a stream for half a minute
  --header "Name: text" is sent along, for one who is signed in: 'Cookie: session=…'. May be given several times
  --channel <name>      the channel that is read [tidings-doctor]
  --origin <origin>     the origin of the pages, when it is another one than that of the endpoint
  --watch-secs <n>      how long the stream is watched [until it has proved to be alive]
  --ca <file>           a certificate (PEM) that is trusted besides the usual ones

  --json                prints { ok, findings: [{ id, severity, text, cure }] }
  --help                prints this

The exit code is 0 when there is no problem, 1 when there is one, 2 when the doctor was called in a wrong way.`;

const OPTIONS = {
  redis: { type: "string" },
  "key-prefix": { type: "string" },
  url: { type: "string" },
  header: { type: "string", multiple: true },
  channel: { type: "string" },
  origin: { type: "string" },
  "watch-secs": { type: "string" },
  ca: { type: "string" },
  json: { type: "boolean" },
} satisfies ParseArgsConfig["options"];

/** It says all that it has to say in the end, and needs nothing else. */
interface Doctor {
  run(args: readonly string[], print: (text: string) => void): Promise<number>;
}

/** `tidings doctor`: looks at a Redis, at an endpoint, or at both. */
export const doctor: Command & Doctor = {
  summary: "says what stands between a Redis, an endpoint and the browsers that listen",
  help: HELP,
  async run(args, print) {
    const { redis, url, json = false, ...given } = parse(args);
    const headers = Object.fromEntries((given.header ?? []).map(headerOf));
    const endpoint = url === undefined ? undefined : endpointOptions({ url, headers, ...given });
    const keyPrefix = keyPrefixOf(given["key-prefix"]);
    const findings: Finding[] = [];
    if (redis !== undefined) findings.push(...(await examineRedis({ url: redis, keyPrefix })));
    if (endpoint) findings.push(...(await examineEndpoint(endpoint)));
    const shown = withoutSecrets(findings, [...secretsOf(headers), ...passwordsOf(redis), ...passwordsOf(url)]);
    print(json ? reportJson(shown) : reportText(shown));
    return isSick(findings) ? 1 : 0;
  },
};

interface Arguments {
  readonly redis?: string | undefined;
  readonly "key-prefix"?: string | undefined;
  readonly url?: string | undefined;
  readonly header?: string[] | undefined;
  readonly channel?: string | undefined;
  readonly origin?: string | undefined;
  readonly "watch-secs"?: string | undefined;
  readonly ca?: string | undefined;
  readonly json?: boolean | undefined;
}

/** @throws UsageError */
function parse(args: readonly string[]): Arguments {
  try {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
    if (positionals.length > 0)
      throw new UsageError("Each argument needs the name of an option before it: --redis <url>, --url <endpoint>.");
    if (values.redis === undefined && values.url === undefined)
      throw new UsageError("Say what to look at: --redis <url>, --url <endpoint>, or both.");
    refuseEmpty({ redis: values.redis, url: values.url });
    return values;
  } catch (error) {
    // It names the option, and never what was given to it.
    throw error instanceof UsageError ? error : new UsageError((error as Error).message);
  }
}

/** @throws UsageError */
function endpointOptions({
  url,
  headers,
  channel,
  origin,
  "watch-secs": watchSecs,
  ca,
}: Arguments & { readonly url: string; readonly headers: EndpointOptions["headers"] }): EndpointOptions {
  if (channel !== undefined && !isChannelName(channel)) throw new UsageError("--channel takes the name of one channel.");
  if (origin !== undefined && (!URL.canParse(origin) || new URL(origin).origin !== origin))
    throw new UsageError("--origin takes an origin, with nothing behind it: https://app.example.com");
  const secs = watchSecs === undefined ? undefined : Number(watchSecs);
  if (secs !== undefined && !(secs > 0 && secs <= 3_600)) throw new UsageError("--watch-secs takes a number from 1 to 3600.");
  return {
    ...{ url, headers, channel, origin },
    watchMs: secs && secs * 1_000,
    ca: ca === undefined ? undefined : [...rootCertificates, certificateOf(ca)],
  };
}

/** @throws UsageError */
function certificateOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`--ca names a file that cannot be read: ${(error as Error).message}`);
  }
}
