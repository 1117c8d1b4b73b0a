import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A reply as RESP2 has it. Errors within an array, as `EXEC` answers, are values. */
export type RawReply = string | number | null | Error | RawReply[];

/** One connection to a Redis, with no client library between: it re-sends nothing and follows no redirection. */
export interface RawRedis extends Disposable {
  /**
   * Sends a command. Commands may be sent without waiting; replies are matched in order.
   * @throws Error with Redis' own words (`MOVED 12 127.0.0.1:7001`), or when the connection is gone or silent
   */
  command(...args: ReadonlyArray<string | number>): Promise<RawReply>;
  /** What came without being asked for, oldest first: the messages of subscriptions, and `sunsubscribe` when a slot leaves. */
  readonly pushed: readonly RawReply[];
  close(): void;
}

/** How {@link connectRaw} connects. */
export interface RawRedisOptions {
  /** How long a reply may take; then the connection is destroyed. @default 5_000 */
  readonly timeoutMs?: number;
}

interface Waiting {
  readonly resolve: (reply: RawReply) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** Connects to a Redis on 127.0.0.1. */
export async function connectRaw(port: number, { timeoutMs = 5_000 }: RawRedisOptions = {}): Promise<RawRedis> {
  const socket: Socket = connect(port, "127.0.0.1").setNoDelay(true);
  const waiting: Waiting[] = [];
  const pushed: RawReply[] = [];
  let bytes: Buffer = Buffer.alloc(0);
  let gone: Error | undefined;

  function fail(error: Error): void {
    gone ??= error;
    socket.destroy();
    for (const { reject, timer } of waiting.splice(0)) {
      clearTimeout(timer);
      reject(gone);
    }
  }

  function settle(reply: RawReply): void {
    const next = waiting.shift();
    if (!next) {
      pushed.push(reply);
      return;
    }
    clearTimeout(next.timer);
    if (reply instanceof Error) next.reject(reply);
    else next.resolve(reply);
  }

  await once(socket, "connect");
  socket.on("error", fail);
  socket.on("close", () => fail(new Error(`the connection to 127.0.0.1:${port} is closed`)));
  socket.on("data", (chunk: Buffer) => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    let at = 0;
    for (let parsed = parse(bytes, at); parsed; parsed = parse(bytes, at)) {
      at = parsed.end;
      settle(parsed.reply);
    }
    bytes = bytes.subarray(at);
  });

  const close = () => fail(new Error("the connection was closed by the test"));
  return {
    pushed,
    command(...args) {
      return new Promise((resolve, reject) => {
        if (gone) {
          reject(gone);
          return;
        }
        const silent = () => fail(new Error(`127.0.0.1:${port} did not answer ${args.join(" ")} within ${timeoutMs} ms`));
        waiting.push({ resolve, reject, timer: setTimeout(silent, timeoutMs) });
        socket.write(encode(args));
      });
    },
    close,
    [Symbol.dispose]: close,
  };
}

/** Sends one command to a Redis on 127.0.0.1, on a connection of its own. */
export async function rawCommand(port: number, ...args: ReadonlyArray<string | number>): Promise<RawReply> {
  const connection = await connectRaw(port);
  try {
    return await connection.command(...args);
  } finally {
    connection.close();
  }
}

/** A field of what `INFO` and its kin answer. */
export function infoField(info: RawReply, field: string): string | undefined {
  return new RegExp(`^${field}:(.*?)\r?$`, "m").exec(String(info))?.[1];
}

function encode(args: ReadonlyArray<string | number>): string {
  const parts = args.map((arg) => `$${Buffer.byteLength(String(arg))}\r\n${arg}\r\n`);
  return `*${args.length}\r\n${parts.join("")}`;
}

interface Parsed {
  readonly reply: RawReply;
  /** Where the next reply begins. */
  readonly end: number;
}

/** The reply that begins at `start`; nothing while a part of it is still on its way. */
function parse(bytes: Buffer, start: number): Parsed | undefined {
  const lineEnd = bytes.indexOf("\r\n", start);
  if (lineEnd < 0) return undefined;
  const line = bytes.toString("utf8", start + 1, lineEnd);
  const end = lineEnd + 2;
  switch (String.fromCharCode(bytes[start] ?? 0)) {
    case "+":
      return { reply: line, end };
    case "-":
      return { reply: new Error(line), end };
    case ":":
      return { reply: Number(line), end };
    case "$":
      return parseBulk(bytes, end, Number(line));
    case "*":
      return parseArray(bytes, end, Number(line));
    default:
      throw new Error(`not RESP2: ${JSON.stringify(bytes.toString("latin1", start, lineEnd))}`);
  }
}

function parseBulk(bytes: Buffer, start: number, length: number): Parsed | undefined {
  if (length < 0) return { reply: null, end: start };
  const end = start + length + 2;
  return bytes.length < end ? undefined : { reply: bytes.toString("utf8", start, start + length), end };
}

function parseArray(bytes: Buffer, start: number, length: number): Parsed | undefined {
  if (length < 0) return { reply: null, end: start };
  const reply: RawReply[] = [];
  let end = start;
  for (let at = 0; at < length; at++) {
    const item = parse(bytes, end);
    if (!item) return undefined;
    reply.push(item.reply);
    end = item.end;
  }
  return { reply, end };
}
