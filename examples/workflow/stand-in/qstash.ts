/**
 * A stand-in for QStash, for development and tests: it plays the part of its HTTP protocol that `@upstash/workflow` 1 speaks for `run`,
 * parallel steps, `sleep`, `waitForEvent`, `notify`, `cancel`, retries and failure functions. Nothing is signed and nothing is kept: what
 * is in the memory of this process is all. `context.call`, `invoke` and webhooks are not played.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request that is to be made to the workflow's endpoint. */
export interface Delivery {
  readonly runId: string;
  readonly messageId: string;
  /** Finished and planned steps that the request tells of, without the initial payload. */
  readonly steps: readonly DeliveredStep[];
  /** How often it was tried before. */
  readonly retried: number;
}

/** A step as the workflow's endpoint wrote it. */
export interface DeliveredStep {
  readonly stepId: number;
  readonly stepName: string;
  readonly stepType: string;
  /** Of a planned parallel step, which one it will be. */
  readonly targetStep?: number;
}

/** How {@link startQStash} behaves. */
export interface QStashOptions {
  /** @default a free one */
  readonly port?: number;
  /** Milliseconds before a failed request is made again. @default 1000 */
  readonly retryDelayMs?: number;
  /**
   * Stands between QStash and the endpoint: makes the request by `send`, once, twice, later or never, and says which status QStash saw.
   * @default send
   */
  readonly deliver?: (delivery: Delivery, send: () => Promise<number>) => Promise<number>;
  /** When runs are said to have been created, in milliseconds since 1970. @default when they were */
  readonly createdAt?: () => number;
}

/** A run, as far as it got. */
export interface Run {
  readonly id: string;
  readonly state: "running" | "finished" | "failed" | "canceled";
}

/** A server that plays QStash. */
export interface QStash extends AsyncDisposable {
  /** What `QSTASH_URL` is to be. */
  readonly url: string;
  /** What `QSTASH_TOKEN` is to be. */
  readonly token: string;
  run(id: string): Run | undefined;
  /** Resolves when nothing is on its way. A run that waits for an event does not count. */
  settled(): Promise<void>;
  /** Leaves no request, timer or socket behind. */
  close(): Promise<void>;
}

interface RawStep {
  readonly messageId: string;
  /** In base64. */
  readonly body: string;
  readonly callType: "step";
}

interface KnownRun {
  readonly id: string;
  readonly url: string;
  readonly createdAt: number;
  readonly retries: number;
  readonly failureUrl: string | undefined;
  /** What every request of the run carries. */
  readonly forwarded: Readonly<Record<string, string>>;
  readonly steps: RawStep[];
  /** Notifications that came before somebody waited. */
  readonly notified: Map<string, string>;
  state: Run["state"];
}

interface Waiting {
  readonly run: KnownRun;
  readonly step: Readonly<Record<string, unknown>>;
  readonly timer: NodeJS.Timeout;
}

interface Message {
  readonly destination: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const DEFAULT_RETRIES = 3;
const NOT_TO_BE_RETRIED = 489;
const FORWARD = "upstash-forward-";
const FAILURE_FORWARD = "upstash-failure-callback-forward-";

/** Starts a server that plays QStash. */
export async function startQStash(options: QStashOptions = {}): Promise<QStash> {
  const { port = 0, retryDelayMs = 1_000, createdAt = Date.now } = options;
  const deliver = options.deliver ?? ((_delivery, send) => send());
  const token = "stand-in";
  const runs = new Map<string, KnownRun>();
  const waiting = new Map<string, Waiting[]>();
  const timers = new Set<NodeJS.Timeout>();
  const closing = new AbortController();
  let messages = 0;
  let underway = 0;
  let whenSettled: Array<() => void> = [];

  const finishOne = (): void => {
    underway--;
    if (underway > 0) return;
    for (const resolve of whenSettled) resolve();
    whenSettled = [];
  };

  /** A delay that `close` ends: what was to come after it then never does. */
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        resolve();
      }, ms);
      timers.add(timer);
    });

  /** One request to the workflow's endpoint, with the steps up to this message. Answers with the status. */
  async function post(
    run: KnownRun,
    message: { id: string; own: Readonly<Record<string, string>> },
    retried: number,
  ): Promise<number> {
    const upTo = run.steps.findIndex(({ messageId }) => messageId === message.id);
    const response = await fetch(run.url, {
      method: "POST",
      signal: closing.signal,
      headers: {
        "content-type": "application/json",
        ...run.forwarded,
        ...message.own,
        "upstash-workflow-runid": run.id,
        "upstash-workflow-init": upTo === 0 ? "true" : "false",
        "upstash-workflow-url": run.url,
        "upstash-workflow-createdat": String(run.createdAt),
        "upstash-message-id": message.id,
        "upstash-retried": String(retried),
      },
      body: JSON.stringify(run.steps.slice(0, upTo + 1)),
    });
    const body = await response.text();
    if (response.ok) return response.status;
    if (response.status === NOT_TO_BE_RETRIED || retried >= run.retries) await fail(run, response, body);
    return response.status;
  }

  /** Tells the failure function of the workflow, if there is one. */
  async function fail(run: KnownRun, response: Response, body: string): Promise<void> {
    if (run.state !== "running") return;
    run.state = "failed";
    if (run.failureUrl === undefined) return;
    const [initial] = run.steps;
    const answer = await fetch(run.failureUrl, {
      method: "POST",
      signal: closing.signal,
      headers: {
        "content-type": "application/json",
        ...run.forwarded,
        "upstash-workflow-is-failure": "true",
        "upstash-workflow-failure-callback": "true",
        "upstash-workflow-runid": run.id,
        "upstash-workflow-url": run.url,
      },
      body: JSON.stringify({
        status: response.status,
        header: Object.fromEntries([...response.headers].map(([name, value]) => [name, [value]])),
        body: encode(body),
        url: run.url,
        sourceBody: initial?.body,
        workflowRunId: run.id,
        workflowCreatedAt: run.createdAt,
      }),
    });
    await answer.text();
  }

  /** Makes the request of a message, and makes it again while it fails. */
  async function send(
    run: KnownRun,
    message: { id: string; own: Readonly<Record<string, string>> },
    delayMs: number,
  ): Promise<void> {
    underway++;
    try {
      if (delayMs > 0) await pause(delayMs);
      for (let retried = 0; retried <= run.retries; retried++) {
        if (retried > 0) await pause(retryDelayMs);
        const upTo = run.steps.findIndex(({ messageId }) => messageId === message.id);
        const steps = run.steps.slice(1, upTo + 1).map(({ body }) => JSON.parse(decode(body)) as DeliveredStep);
        const status = await deliver({ runId: run.id, messageId: message.id, steps, retried }, () =>
          post(run, message, retried),
        );
        if (status < 400 || status === NOT_TO_BE_RETRIED) return;
      }
    } catch (error) {
      if (!closing.signal.aborted) console.error(`The stand-in for QStash could not reach ${run.url}: ${String(error)}`);
    } finally {
      finishOne();
    }
  }

  /** Notes a step, and tells the endpoint. */
  function append(run: KnownRun, text: string, own: Readonly<Record<string, string>> = {}, delayMs = 0): string {
    const id = `msg_${++messages}`;
    run.steps.push({ messageId: id, body: encode(text), callType: "step" });
    void send(run, { id, own }, delayMs);
    return id;
  }

  /** What `publish` and `batch` do with one message. */
  function publish({ destination, headers, body }: Message): object | undefined {
    const runId = headers["upstash-workflow-runid"] ?? "";
    const known = runs.get(runId);
    const own = forwardedBy(headers, FORWARD);
    if (headers["upstash-workflow-init"] !== "true") {
      if (known?.state !== "running") return undefined;
      return { messageId: append(known, body, own, delayOf(headers)) };
    }
    if (known) return { messageId: known.steps[0]?.messageId, deduplicated: true };
    const run: KnownRun = {
      id: runId,
      url: destination,
      createdAt: createdAt(),
      retries: Number(headers["upstash-retries"] ?? DEFAULT_RETRIES),
      failureUrl: headers["upstash-failure-callback"],
      forwarded: { ...own, ...forwardedBy(headers, FAILURE_FORWARD, "upstash-workflow-") },
      steps: [],
      notified: new Map(),
      state: "running",
    };
    runs.set(runId, run);
    return { messageId: append(run, body, own, delayOf(headers)) };
  }

  function wait(eventId: string, runId: string, body: string): void {
    const run = runs.get(runId);
    if (!run) return;
    const { step, timeout } = JSON.parse(body) as { step: Record<string, unknown>; timeout?: string };
    const told = run.notified.get(eventId);
    if (told !== undefined) return void append(run, JSON.stringify({ ...step, waitEventId: eventId, out: encode(told) }));
    const timer = setTimeout(
      () => {
        leave(eventId, ({ timer: other }) => other === timer);
        append(run, JSON.stringify({ ...step, waitEventId: eventId, waitTimeout: true }));
      },
      durationOf(timeout ?? "7d"),
    );
    timers.add(timer);
    waiting.set(eventId, [...(waiting.get(eventId) ?? []), { run, step, timer }]);
  }

  /** Takes those out that wait for an event, and match. */
  function leave(eventId: string, matches: (one: Waiting) => boolean): Waiting[] {
    const all = waiting.get(eventId) ?? [];
    waiting.set(
      eventId,
      all.filter((one) => !matches(one)),
    );
    const left = all.filter(matches);
    for (const { timer } of left) {
      clearTimeout(timer);
      timers.delete(timer);
    }
    return left;
  }

  function notify(path: readonly string[], body: string): object[] {
    const [first = "", second] = path;
    const [runId, eventId] = second === undefined ? [undefined, first] : [first, second];
    const found = leave(eventId, ({ run }) => run.state === "running" && (runId === undefined || run.id === runId));
    if (found.length === 0 && runId !== undefined) runs.get(runId)?.notified.set(eventId, body);
    return found.map(({ run, step, timer: _timer }) => {
      const messageId = append(run, JSON.stringify({ ...step, waitEventId: eventId, out: encode(body) }));
      return { waiter: { url: run.url, deadline: 0, headers: {} }, messageId, error: "" };
    });
  }

  function end(runId: string, state: Run["state"]): boolean {
    const run = runs.get(runId);
    if (run?.state !== "running") return false;
    run.state = state;
    for (const eventId of waiting.keys()) leave(eventId, (one) => one.run === run);
    return true;
  }

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const body = await textOf(req);
    const url = new URL(req.url ?? "/", "http://qstash");
    const [, , kind = "", ...rest] = url.pathname.split("/").map(decodeURIComponent);
    const reply = (status: number, value: unknown): void => {
      res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    };
    if (req.headers.authorization !== `Bearer ${token}`) return reply(401, { error: "unauthorized" });
    if (kind === "publish" || kind === "batch") {
      const headers = Object.fromEntries(Object.entries(req.headers).map(([name, value]) => [name, String(value)]));
      const destination = (req.url ?? "").replace(/^\/v2\/publish\//, "");
      const all = kind === "batch" ? (JSON.parse(body) as Message[]).map(lowerCased) : [{ destination, headers, body }];
      const answers = all.map(publish);
      if (answers.includes(undefined)) return reply(400, { error: "the workflow run is not there, or is over" });
      return reply(200, kind === "batch" ? answers : answers[0]);
    }
    if (kind === "wait") {
      wait(rest[0] ?? "", String(req.headers["upstash-workflow-runid"]), body);
      return reply(200, {});
    }
    if (kind === "notify") return reply(200, notify(rest, body));
    if (kind === "workflows" && rest[0] === "runs" && rest[1] !== undefined) {
      const run = runs.get(rest[1]);
      if (req.method === "DELETE") {
        const done = end(rest[1], url.searchParams.get("cancel") === "true" ? "canceled" : "finished");
        return reply(done ? 200 : 404, {});
      }
      return run?.state === "running" ? reply(200, run.steps) : reply(404, { error: "no such run" });
    }
    return reply(404, { error: `the stand-in does not play ${req.method} ${url.pathname}` });
  }

  const server = createServer((req, res) => {
    answer(req, res).catch((error: unknown) => {
      console.error(error);
      if (!res.headersSent) res.writeHead(500);
      res.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const close = async (): Promise<void> => {
    closing.abort();
    for (const timer of timers) clearTimeout(timer);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    run: (id) => runs.get(id),
    settled: () => (underway === 0 ? Promise.resolve() : new Promise((resolve) => whenSettled.push(resolve))),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A message of a batch. One without a body has none in JSON. */
function lowerCased({ headers, body = "", ...message }: Omit<Message, "body"> & { readonly body?: string }): Message {
  return {
    ...message,
    body,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
  };
}

function forwardedBy(headers: Readonly<Record<string, string>>, prefix: string, but = "\0"): Record<string, string> {
  const found = Object.entries(headers).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(
    found.map(([name, value]) => [name.slice(prefix.length), value]).filter(([name = ""]) => !name.startsWith(but)),
  );
}

/** How long a message is to be kept back, in milliseconds. */
function delayOf(headers: Readonly<Record<string, string>>): number {
  const at = headers["upstash-not-before"];
  if (at !== undefined) return Math.max(0, Number(at) * 1_000 - Date.now());
  return durationOf(headers["upstash-delay"] ?? "0s");
}

/** `"1d2h"`, in milliseconds, and no longer than a timer can wait. */
function durationOf(text: string): number {
  const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  const parts = [...text.matchAll(/(\d+)([smhd])/g)];
  return Math.min(
    parts.reduce((sum, [, count, unit = "s"]) => sum + Number(count) * (units[unit] ?? 0), 0),
    2 ** 31 - 1,
  );
}

async function textOf(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function encode(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}

function decode(text: string): string {
  return Buffer.from(text, "base64").toString("utf8");
}
