import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Redis } from "ioredis";
import { connectRaw, type RawRedis, type RawReply } from "./raw-redis.ts";

/** A request as the front understood it. */
export interface FrontRequest {
  /** `command`: `/` or a command as a path; `subscribe`: a stream. */
  readonly kind: "command" | "pipeline" | "multi-exec" | "subscribe";
  readonly path: string;
  /** The commands in it; `["SUBSCRIBE", channel]` for a stream. */
  readonly commands: ReadonlyArray<readonly string[]>;
  readonly headers: IncomingMessage["headers"];
}

/** What becomes of a request. */
export type Fate =
  | { readonly kind: "served" }
  /** Answered with an error and not executed. */
  | { readonly kind: "refused"; readonly status: number; readonly error?: string; readonly headers?: Record<string, string> }
  /** Taken and never answered. @property executes whether Redis gets it all the same, after `afterMs` */
  | { readonly kind: "unanswered"; readonly executes: boolean; readonly afterMs?: number }
  /** The connection breaks instead of an answer. @property executes as above */
  | { readonly kind: "cut"; readonly executes: boolean; readonly afterMs?: number }
  | { readonly kind: "delayed"; readonly ms: number }
  /** Executed and answered once `until` is. */
  | { readonly kind: "held"; readonly until: Promise<void> };

export const SERVED: Fate = { kind: "served" };

/** A local stand-in for the REST service of Upstash, with a real Redis behind it. */
export interface UpstashFront extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  /** All requests so far, those for streams included. */
  readonly requests: readonly FrontRequest[];
  /** The commands in them: what a user of the service pays for. */
  readonly commandCount: number;
  /** Requests that wait to be executed or answered. */
  readonly delayed: number;
  readonly openStreams: number;
  /** The live channels of the open streams. */
  readonly subscribed: readonly string[];
  /** Decides about each request, after its token was found to be right. @default everything is served */
  fate: (request: FrontRequest) => Fate;
  /** Whether what a script publishes reaches the streams. @default true */
  deliversFromScripts: boolean;
  /** Whether an encoded slash in a path is taken for a separator, as careless routers do. @default false */
  splitsEncodedSlashes: boolean;
  /** Ends every stream. */
  dropStreams(): void;
  /** The streams that are open stay open and say nothing more: half-open connections. */
  muteStreams(): void;
  /** Forgets the requests so far. */
  forget(): void;
  close(): Promise<void>;
}

interface Stream {
  readonly name: string;
  readonly isPattern: boolean;
  readonly response: ServerResponse;
  isAcknowledged: boolean;
  isMuted: boolean;
}

/** Serves the REST protocol of Upstash on 127.0.0.1, over the Redis on `redisPort`. */
export async function startUpstashFront(redisPort: number): Promise<UpstashFront> {
  const front = new Front(redisPort, await connectRaw(redisPort, { timeoutMs: 60_000 }));
  await front.listen();
  return front;
}

class Front implements UpstashFront {
  readonly token = "front-token";
  readonly requests: FrontRequest[] = [];
  fate: (request: FrontRequest) => Fate = () => SERVED;
  deliversFromScripts = true;
  splitsEncodedSlashes = false;
  readonly #raw: RawRedis;
  readonly #subscriber: Redis;
  readonly #streams = new Set<Stream>();
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  #syncToken = 0;

  constructor(redisPort: number, raw: RawRedis) {
    this.#raw = raw;
    this.#subscriber = new Redis({ host: "127.0.0.1", port: redisPort, protocol: 2, maxRetriesPerRequest: null });
    this.#subscriber.on("error", () => {});
    this.#subscriber.on("message", (channel: string, message: string) => {
      if (this.deliversFromScripts) this.#deliver(channel, message);
    });
    this.#subscriber.on("pmessage", (pattern: string, channel: string, message: string) => {
      if (this.deliversFromScripts) this.#deliverPattern(pattern, channel, message);
    });
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get commandCount(): number {
    return this.requests.reduce((count, { commands }) => count + commands.length, 0);
  }

  get delayed(): number {
    return this.#timers.size;
  }

  get openStreams(): number {
    return this.subscribed.length;
  }

  get subscribed(): readonly string[] {
    return [...this.#streams].filter(({ isAcknowledged }) => isAcknowledged).map(({ name }) => name);
  }

  async listen(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  dropStreams(): void {
    for (const { response } of this.#streams) response.destroy();
  }

  muteStreams(): void {
    for (const stream of this.#streams) stream.isMuted = true;
  }

  forget(): void {
    this.requests.length = 0;
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of this.#sockets) socket.destroy();
    this.#subscriber.disconnect();
    this.#raw.close();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await textOf(request);
    const url = new URL(request.url ?? "/", "http://front");
    if (request.headers.authorization !== `Bearer ${this.token}` && url.searchParams.get("_token") !== this.token) {
      sendJson(response, 401, { error: "WRONGPASS invalid or missing auth token" });
      return;
    }
    const understood = this.#understand(url.pathname, body, request.headers);
    if (typeof understood === "string") {
      sendJson(response, 400, { error: understood });
      return;
    }
    this.requests.push(understood);
    response.setHeader("upstash-sync-token", String(++this.#syncToken));
    const fate = this.fate(understood);
    switch (fate.kind) {
      case "served":
        await this.#answer(understood, response);
        return;
      case "delayed":
        this.#later(fate.ms, () => void this.#answer(understood, response));
        return;
      case "held":
        await fate.until;
        await this.#answer(understood, response);
        return;
      case "refused":
        for (const [name, value] of Object.entries(fate.headers ?? {})) response.setHeader(name, value);
        sendJson(response, fate.status, { error: fate.error ?? `ERR refused with ${fate.status}` });
        return;
      case "unanswered":
      case "cut": {
        const execute = async () => void (fate.executes && (await this.#execute(understood)));
        if (fate.afterMs === undefined) await execute();
        else this.#later(fate.afterMs, () => void execute());
        if (fate.kind === "cut") response.destroy();
      }
    }
  }

  #later(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
  }

  /** What a request says; a text when it makes no sense. */
  #understand(path: string, body: string, headers: IncomingMessage["headers"]): FrontRequest | string {
    const separated = this.splitsEncodedSlashes ? path.replaceAll(/%2f/gi, "/") : path;
    const [first = "", ...rest] = separated.slice(1).split("/").map(decodeURIComponent);
    if (first === "subscribe" || first === "psubscribe") {
      if (rest.length === 0 || rest[0] === "") return `ERR wrong number of arguments for '${first}' command`;
      return { kind: "subscribe", path, commands: [[first.toUpperCase(), ...rest]], headers };
    }
    if (first === "pipeline" || first === "multi-exec") {
      const commands = parse(body);
      if (!isCommand(commands) || !commands.every(isCommand)) return "ERR failed to parse pipeline request";
      return { kind: first, path, commands: commands.map(textsOf), headers };
    }
    const command = first === "" ? parse(body) : [first, ...rest, ...(body === "" ? [] : [body])];
    if (!isCommand(command)) return "ERR failed to parse command";
    return { kind: "command", path, commands: [textsOf(command)], headers };
  }

  async #answer(request: FrontRequest, response: ServerResponse): Promise<void> {
    if (request.kind === "subscribe") {
      await this.#subscribe(request, response);
      return;
    }
    const isEncoded = request.headers["upstash-encoding"] === "base64";
    const replies = await this.#execute(request);
    const bodies = replies.map((reply) => bodyOf(reply, isEncoded));
    const [only] = bodies;
    if (request.kind === "pipeline") sendJson(response, 200, bodies);
    else if (request.kind === "command") sendJson(response, only && "error" in only ? 400 : 200, only);
    else if (replies.length === 1 && replies[0] instanceof Error) sendJson(response, 400, only);
    else sendJson(response, 200, bodies);
  }

  /** Executes the commands in order. For `multi-exec` the replies are those of `EXEC`, or one error. */
  async #execute({ kind, commands }: FrontRequest): Promise<RawReply[]> {
    if (kind === "subscribe") return [];
    const isAtomic = kind === "multi-exec";
    // All are written at once: what others send comes before or after, in Redis as in the service.
    const written = (isAtomic ? [["MULTI"], ...commands, ["EXEC"]] : commands).map((command) =>
      this.#raw.command(...command).catch((error: unknown) => error as Error),
    );
    const replies: RawReply[] = await Promise.all(written);
    if (!this.deliversFromScripts) {
      for (const [name = "", channel = "", message = ""] of commands) {
        if (name.toUpperCase() === "PUBLISH") this.#deliver(channel, message);
      }
    }
    if (!isAtomic) return replies;
    const executed = replies.at(-1);
    return Array.isArray(executed) ? executed : [executed instanceof Error ? executed : new Error("EXECABORT")];
  }

  async #subscribe({ commands }: FrontRequest, response: ServerResponse): Promise<void> {
    const [verb = "", ...names] = commands[0] ?? [];
    const isPattern = verb === "PSUBSCRIBE";
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    response.flushHeaders();
    for (const [at, name] of names.entries()) {
      const stream: Stream = { name, isPattern, response, isAcknowledged: false, isMuted: false };
      // Before Redis is asked: else the end of an earlier stream could take the subscription away again.
      this.#streams.add(stream);
      response.on("close", () => this.#unsubscribe(stream));
      await (isPattern ? this.#subscriber.psubscribe(name) : this.#subscriber.subscribe(name));
      if (response.destroyed) return;
      stream.isAcknowledged = true;
      response.write(`data: ${verb.toLowerCase()},${name},${at + 1}\n\n`);
    }
  }

  #unsubscribe(stream: Stream): void {
    this.#streams.delete(stream);
    const { name, isPattern } = stream;
    if ([...this.#streams].some((other) => other.name === name && other.isPattern === isPattern)) return;
    const done = isPattern ? this.#subscriber.punsubscribe(name) : this.#subscriber.unsubscribe(name);
    done.catch(() => {});
  }

  #deliver(channel: string, message: string): void {
    for (const { name, isPattern, response, isAcknowledged, isMuted } of this.#streams) {
      if (!isPattern && name === channel && isAcknowledged && !isMuted)
        response.write(`data: message,${channel},${message}\n\n`);
    }
  }

  #deliverPattern(pattern: string, channel: string, message: string): void {
    for (const { name, isPattern, response, isAcknowledged, isMuted } of this.#streams) {
      if (isPattern && name === pattern && isAcknowledged && !isMuted)
        response.write(`data: pmessage,${pattern},${channel},${message}\n\n`);
    }
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function isCommand(value: unknown): value is unknown[] {
  return Array.isArray(value) && value.length > 0;
}

/** Redis takes texts; the client leaves numbers and booleans as they are. */
function textsOf(command: readonly unknown[]): string[] {
  return command.map((part) => (typeof part === "string" ? part : JSON.stringify(part)));
}

function bodyOf(reply: RawReply, isEncoded: boolean): { error: string } | { result: unknown } {
  if (reply instanceof Error) return { error: reply.message };
  return { result: isEncoded ? encode(reply) : plain(reply) };
}

function encode(reply: RawReply): unknown {
  if (Array.isArray(reply)) return reply.map(encode);
  if (reply instanceof Error) return Buffer.from(reply.message).toString("base64");
  return typeof reply === "string" && reply !== "OK" ? Buffer.from(reply).toString("base64") : reply;
}

function plain(reply: RawReply): unknown {
  if (Array.isArray(reply)) return reply.map(plain);
  return reply instanceof Error ? reply.message : reply;
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  if (response.destroyed) return;
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
