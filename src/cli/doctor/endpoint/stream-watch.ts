import { HEARTBEAT_MS } from "../../../protocol/limits.ts";
import type { Answer } from "./http-request.ts";

/** What was seen of a body while it was watched. */
export interface Watched {
  /** How it begins. */
  readonly text: string;
  /** Milliseconds from the request to its first byte. */
  readonly firstByteMs: number | undefined;
  /** The time between two signs of life that the server promises; nothing when the channel was not joined. */
  readonly heartbeatMs: number | undefined;
  /** Milliseconds from the request to its end, if it ended. */
  readonly endedMs: number | undefined;
  /** Whether the server said before that it would. */
  readonly saidGoodbye: boolean;
  /** How often something came after the first second. */
  readonly signs: number;
  /** Milliseconds for which it was watched. */
  readonly watchedMs: number;
}

/** How {@link watchStream} watches. */
export interface WatchOptions {
  /** For how long nothing may come: before the first byte, and from there to the channel's `connected`. */
  readonly patienceMs: number;
  /** So long it is watched, whatever comes. @default until it has been silent once for as long as it may be, and then said something */
  readonly watchMs?: number | undefined;
}

const MAX_TEXT = 20_000;
/** Of a heartbeat: a silence that is as long as it gets. A timer and a network are never quite punctual. */
const FULL_SILENCE = 0.9;
/** Heartbeats within which a full silence has come and gone. */
const MAX_HEARTBEATS = 2.3;

/** Watches a stream until it is known whether it lives, and leaves it. */
export function watchStream(answer: Answer, { patienceMs, watchMs }: WatchOptions): Promise<Watched> {
  const { body, now } = answer;
  let text = "";
  let firstByteMs: number | undefined;
  let heartbeatMs: number | undefined;
  let lastMs = 0;
  let signs = 0;
  return new Promise((resolve) => {
    const finish = (endedMs?: number): void => {
      clearTimeout(timer);
      answer.close();
      const saidGoodbye = /^event: ?reconnect\r?$/m.test(text);
      resolve({ text, firstByteMs, heartbeatMs, endedMs, saidGoodbye, signs, watchedMs: now() });
    };
    const until = (ms: number) => setTimeout(finish, Math.max(0, ms - now()));
    let timer = until(answer.headMs + patienceMs);
    body.on("data", (chunk: Buffer) => {
      const silenceMs = now() - lastMs;
      lastMs = now();
      text = (text + chunk.toString("latin1")).slice(0, MAX_TEXT);
      if (firstByteMs === undefined) {
        firstByteMs = lastMs;
        clearTimeout(timer);
        timer = until(firstByteMs + patienceMs);
      } else if (heartbeatMs !== undefined) {
        signs++;
        if (watchMs === undefined && silenceMs >= heartbeatMs * FULL_SILENCE) finish();
        return;
      }
      heartbeatMs = joinedIn(text);
      if (heartbeatMs !== undefined) {
        clearTimeout(timer);
        timer = until(lastMs + (watchMs ?? heartbeatMs * MAX_HEARTBEATS));
      }
    });
    const end = (): void => finish(now());
    body.once("end", end);
    body.once("aborted", end);
    body.on("error", end);
  });
}

/** Reads a body that is meant to end, as far as it came within the time. */
export async function readBody(answer: Answer, patienceMs: number): Promise<{ readonly text: string; readonly ms: number }> {
  let text = "";
  const { body, now } = answer;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, patienceMs);
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    body.on("data", (chunk: Buffer) => {
      text = (text + chunk.toString("utf8")).slice(0, MAX_TEXT);
      if (text.length === MAX_TEXT) end();
    });
    body.once("end", end);
    body.once("aborted", end);
    body.on("error", end);
  });
  const ms = now();
  answer.close();
  return { text, ms };
}

/** The heartbeat that a `connected` frame names. */
function joinedIn(text: string): number | undefined {
  const [, data] = /^event: ?connected\r?\ndata: ?(\{.*\})\r?$/m.exec(text) ?? [];
  if (data === undefined) return undefined;
  const [, heartbeat] = /"heartbeatMs":(\d+)/.exec(data) ?? [];
  return Number(heartbeat ?? HEARTBEAT_MS);
}
