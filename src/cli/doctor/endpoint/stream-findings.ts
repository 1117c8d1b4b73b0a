import { ok, problem, warning, type Finding } from "../finding.ts";
import { quoted } from "../foreign-text.ts";
import type { Answer } from "./http-request.ts";
import type { Watched } from "./stream-watch.ts";

const UNBUFFERED =
  "Let the proxy pass text/event-stream on as it comes. nginx: no `proxy_ignore_headers X-Accel-Buffering`, or `proxy_buffering off`; Apache: `flushpackets=on`; haproxy: no `http-response wait-for-body`; CDN: no buffering for this route.";

const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;

/** What is said by the head of a stream. */
export function headFindings({ headers }: Answer): Finding[] {
  const control = headers["cache-control"] ?? "";
  const cached = headers["age"] !== undefined || /\bhit\b/i.test(`${headers["x-cache"]} ${headers["cf-cache-status"]}`);
  const isKept = cached || !/\bno-(cache|store)\b/.test(control);
  return [
    isKept
      ? problem(
          "cache",
          cached
            ? "A cache has answered, and not the server."
            : `Something has changed Cache-Control to ${quoted(control)}: a cache may keep the stream.`,
          "Take this route out of the cache, and leave the header `Cache-Control: no-cache, no-transform` as it is.",
        )
      : ok("cache", "No cache may keep it."),
  ];
}

/** What something compresses on the way, and whether that holds events back. */
export function compressionFinding({ headers }: Answer, { heartbeatMs }: Watched): Finding {
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding === "identity") return ok("compression", "Nothing compresses it.");
  const cure =
    "Leave text/event-stream out of compression: nginx without it in `gzip_types`, haproxy in `compression type`, Express with `compression({ filter })`.";
  return heartbeatMs === undefined
    ? problem(
        "compression",
        `It is compressed (${encoding}), and what is in it cannot be read as it comes: events wait in the compressor.`,
        cure,
      )
    : warning(
        "compression",
        `It is compressed (${encoding}), though it says no-transform. Events come through all the same, and each stream costs memory and time.`,
        cure,
      );
}

/** Nothing came, though the same server answers at once when it is asked for a page. */
export function heldBack(patienceMs: number, hasHead: boolean): Finding {
  return problem(
    "buffered",
    `${hasHead ? "The headers came, and nothing of the stream" : "No answer"} within ${seconds(patienceMs)}, though a page is answered at once: something waits for the end of the stream.`,
    UNBUFFERED,
  );
}

/** Whether the stream speaks, keeps on, and says now and then that it lives. */
export function flowFindings({ heartbeatMs, endedMs, saidGoodbye, signs, watchedMs, text }: Watched): Finding[] {
  const findings = [ok("buffered", "Its first bytes come at once.")];
  if (heartbeatMs === undefined) return [...findings, neverJoined(text, endedMs)];
  const due = seconds(heartbeatMs);
  if (endedMs !== undefined && !saidGoodbye) {
    findings.push(
      // From one sign of life to the next the silence is as long as it gets: who cannot bear it cuts before the second.
      signs < 2
        ? problem(
            "idle-timeout",
            `The stream was cut after ${seconds(endedMs)}, in the silence between two signs of life, which come each ${due}.`,
            "Raise the idle timeout above the heartbeat, to a minute. nginx: `proxy_read_timeout 60s`; haproxy: `timeout server 60s` and `timeout client 60s`; load balancers call it idle timeout. Where no response may take longer, set `maxDurationSecs` of `Realtime` below that.",
          )
        : problem(
            "cut",
            `The stream was cut after ${seconds(endedMs)}, though signs of life came.`,
            "Something limits how long a response may take: raise that limit, or set `maxDurationSecs` of `Realtime` below it, so that clients move over before.",
          ),
    );
  } else if (signs === 0 && watchedMs > heartbeatMs * 1.1) {
    findings.push(
      problem(
        "heartbeat",
        `No sign of life came within ${seconds(watchedMs)}, and one is due each ${due}: something holds back what is small.`,
        UNBUFFERED,
      ),
    );
  } else if (signs > 0) {
    findings.push(ok("heartbeat", "Signs of life come through."));
  }
  return findings;
}

function neverJoined(text: string, endedMs: number | undefined): Finding {
  const [, code] = /^event: ?problem\r?\ndata: ?\{"code":"([a-z_]+)"/m.exec(text) ?? [];
  if (code !== undefined) {
    return problem(
      "channel",
      `The server cannot join the channel: \`${code}\`.`,
      "Look into the server's log. docs/reference/errors.md of the package says what the code means.",
    );
  }
  // As every stream of tidings begins.
  if (text.startsWith("retry: ") && endedMs === undefined) {
    return problem(
      "broker",
      "The stream is open, and the channel is not joined: the server cannot reach its broker.",
      "Look into the server's log. `tidings doctor --redis <url>`, on that machine, says more.",
    );
  }
  return problem(
    "content-type",
    "It is an event stream, and none of tidings: there is no `connected` in it.",
    "Is it the address of the route with `handle`?",
  );
}
