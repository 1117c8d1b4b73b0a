import type { Clock } from "../../../protocol/clock.ts";
import { decodeReply } from "./base64.ts";

/** A command as the service takes it: its name and its arguments. */
export type RestCommand = readonly string[];

/** What one command was answered. */
export type RestReply = { readonly value: unknown } | { readonly error: Error };

/** What became of a request. */
export type RestAnswer =
  /** One reply for each command. */
  | { readonly kind: "replies"; readonly replies: readonly RestReply[] }
  /** Certainly not executed, and asking again will not change that. */
  | { readonly kind: "refused"; readonly error: Error }
  /** Certainly not executed; it may be, later. */
  | { readonly kind: "unsent"; readonly error: Error; readonly waitMs?: number | undefined }
  /** Sent, and no answer came that tells whether it was executed. */
  | { readonly kind: "lost"; readonly error: Error };

/** What became of the attempt to open a stream. */
export type RestStream =
  | { readonly kind: "open"; readonly body: ReadableStream<Uint8Array> }
  /** The service has no such streams. */
  | { readonly kind: "absent"; readonly error: Error }
  | { readonly kind: "refused"; readonly error: Error }
  /** Not now. */
  | { readonly kind: "failed"; readonly error: Error; readonly waitMs?: number | undefined };

/** Where the service is, and how it is spoken to. */
export interface EndpointOptions {
  /** Without a slash at its end. Empty when the user's client was given none. */
  readonly url: string;
  /** The `Authorization` header. */
  readonly authorization: string;
  /** Whether each request says up to which write the service has to know the data. */
  readonly readsOwnWrites: boolean;
  /** What else `fetch` is told, as the user's client tells it. */
  readonly init: RequestInit;
}

/** The service said no in so many words; the text says what to do. */
const CURES: Readonly<Record<number, string>> = {
  401: "Check `UPSTASH_REDIS_REST_TOKEN`: it has to be the token of this database",
  403: "Check that the token may write, and that the database takes requests from this network",
  404: "Check `UPSTASH_REDIS_REST_URL`: nothing answers there as a Redis over REST does",
  405: "Check `UPSTASH_REDIS_REST_URL`: nothing answers there as a Redis over REST does",
  413: "The event is larger than the service takes in one request",
};

/** Reasons of a failed `fetch` after which nothing was sent, as Node and Bun name them. Certificates are checked before that, too. */
const NOTHING_SENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ConnectionRefused|FailedToOpenSocket|ERR_TLS.*|CERT_.*|DEPTH_ZERO.*|SELF_SIGNED.*|UNABLE_TO.*)$/;

/** The longest wait that the service may ask for. */
const MAX_WAIT_MS = 5_000;

/**
 * The REST service, one request at a time. We speak to it ourselves: the user's client would send a request again whose answer was
 * lost (one emit, two entries), whatever its `retry` says, and keeps the status of an answer to itself.
 */
export class Endpoint {
  readonly #options: EndpointOptions;
  readonly #clock: Clock;
  /** Up to which write the service has to know the data when it answers us: it may ask a copy that lies behind. */
  #syncToken = "";
  readonly #open = new Set<AbortController>();

  constructor(options: EndpointOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** Sends commands in one request, to be executed in this order. Never rejects. */
  async post(commands: readonly RestCommand[], timeoutMs: number): Promise<RestAnswer> {
    if (this.#options.url === "") return { kind: "refused", error: noUrl() };
    const [only, second] = commands;
    const isSingle = only !== undefined && second === undefined;
    const abort = this.#begin();
    const timer = this.#clock.setTimeout(() => abort.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      const response = await this.#fetch(isSingle ? "/" : "/pipeline", abort.signal, isSingle ? only : commands);
      return await this.#readAnswer(response, commands.length, isSingle);
    } catch (error) {
      const reason = abort.signal.aborted ? abort.signal.reason : error;
      return { kind: wasNothingSent(reason) ? "unsent" : "lost", error: describe(reason) };
    } finally {
      this.#clock.clearTimeout(timer);
      this.#open.delete(abort);
    }
  }

  /** Opens a stream of what is published on a channel. Never rejects. @param abort ends the stream */
  async subscribe(channel: string, abort: AbortController): Promise<RestStream> {
    if (this.#options.url === "") return { kind: "refused", error: noUrl() };
    this.#open.add(abort);
    abort.signal.addEventListener("abort", () => this.#open.delete(abort), { once: true });
    try {
      const response = await this.#fetch(`/subscribe/${encodeURIComponent(channel)}`, abort.signal);
      const { status, body } = response;
      if (response.ok && body) return { kind: "open", body };
      const error = refusal(status, await errorText(response));
      if (status === 404 || status === 405 || status === 501) return { kind: "absent", error };
      if (isPassing(status)) return { kind: "failed", error, waitMs: waitOf(response) };
      return { kind: "refused", error };
    } catch (error) {
      return { kind: "failed", error: describe(abort.signal.aborted ? abort.signal.reason : error) };
    }
  }

  /** Breaks off everything that is open. */
  close(): void {
    for (const abort of [...this.#open]) abort.abort(new Error("closed"));
  }

  #begin(): AbortController {
    const abort = new AbortController();
    this.#open.add(abort);
    return abort;
  }

  /** @param body without one: a stream */
  async #fetch(path: string, signal: AbortSignal, body?: unknown): Promise<Response> {
    const { url, authorization, readsOwnWrites, init } = this.#options;
    const response = await fetch(url + path, {
      ...init,
      method: "POST",
      headers: {
        authorization,
        "content-type": "application/json",
        "upstash-encoding": "base64",
        ...(readsOwnWrites && { "upstash-sync-token": this.#syncToken }),
        ...(body === undefined && { accept: "text/event-stream", "cache-control": "no-cache" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal,
    });
    if (response.ok && body !== undefined) this.#syncToken = response.headers.get("upstash-sync-token") ?? this.#syncToken;
    return response;
  }

  async #readAnswer(response: Response, count: number, isSingle: boolean): Promise<RestAnswer> {
    const { status } = response;
    if (response.ok) {
      const body: unknown = await response.json();
      const replies = isSingle ? [readReply(body)] : Array.isArray(body) ? body.map(readReply) : [];
      if (replies.length === count) return { kind: "replies", replies };
      return { kind: "lost", error: new Error(`the answer holds ${replies.length} replies to ${count} commands`) };
    }
    const text = await errorText(response);
    // A server that fails may have failed after it did what it was asked for.
    if (status >= 500) return { kind: "lost", error: refusal(status, text) };
    if (isPassing(status)) return { kind: "unsent", error: refusal(status, text), waitMs: waitOf(response) };
    // Redis' own words.
    if (status === 400 && isSingle) return { kind: "replies", replies: [{ error: new Error(text) }] };
    return { kind: "refused", error: refusal(status, text) };
  }
}

function readReply(body: unknown): RestReply {
  if (typeof body !== "object" || body === null) throw new Error("the answer is not what the service answers");
  if ("error" in body && typeof body.error === "string") return { error: new Error(body.error) };
  return { value: decodeReply("result" in body ? body.result : undefined) };
}

/** Not said when the client is made: a build, too, loads the code that makes one, often without the secrets. */
function noUrl(): Error {
  return new Error("the @upstash/redis client has no URL. Set `UPSTASH_REDIS_REST_URL` and `UPSTASH_REDIS_REST_TOKEN`");
}

function isPassing(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

function refusal(status: number, text: string): Error {
  const cure = CURES[status];
  return new Error(`HTTP ${status}${text === "" ? "" : `, ${text}`}${cure === undefined ? "" : `. ${cure}`}`);
}

async function errorText(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body !== null && "error" in body) return String(body.error);
  } catch {
    // A page of some proxy's.
  }
  return text.slice(0, 200);
}

function waitOf(response: Response): number | undefined {
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  return seconds >= 0 ? Math.min(seconds * 1_000, MAX_WAIT_MS) : undefined;
}

/** The codes of an error and of what caused it; Node tries several addresses and fails with a list. */
function* codesOf(error: unknown): Iterable<string> {
  if (typeof error !== "object" || error === null) return;
  if ("code" in error) yield String(error.code);
  if ("errors" in error && Array.isArray(error.errors)) for (const each of error.errors) yield* codesOf(each);
  if ("cause" in error) yield* codesOf(error.cause);
}

function wasNothingSent(error: unknown): boolean {
  const codes = [...codesOf(error)];
  return codes.length > 0 && codes.every((code) => NOTHING_SENT.test(code));
}

/** `fetch failed` says nothing; its cause does. */
function describe(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const { cause } = error;
  return cause instanceof Error && cause.message !== "" ? new Error(`${error.message}: ${cause.message}`, { cause }) : error;
}
