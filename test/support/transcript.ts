import type { RequestListener } from "node:http";
import { expect, vi } from "vitest";
import { createMemoryBroker } from "../../src/brokers/memory.ts";
import { Realtime, type HandleOptions, type RealtimeOptions } from "../../src/index.ts";
import { serve, type TestServer } from "./http-server.ts";
import { openRaw, type RawStream } from "./raw-stream.ts";

/** One of PROTOCOL.md's samples: its lines begin with `!` (a step), `>` (the client sends), `<` (the server sends). */
export interface Transcript {
  readonly title: string;
  readonly lines: readonly string[];
}

/** The samples of a page: what stands in fences of the kind `transcript`, with the heading above each and its number there. */
export function transcriptsIn(page: string): Transcript[] {
  const found: Transcript[] = [];
  let heading = "";
  let lines: string[] | undefined;
  for (const line of page.split("\n")) {
    if (lines === undefined && line.startsWith("#")) heading = line.replace(/^#+ /, "");
    if (line === "```transcript") lines = [];
    else if (line === "```" && lines) {
      found.push({
        title: `${heading}, sample ${found.filter(({ title }) => title.startsWith(`${heading},`)).length + 1}`,
        lines,
      });
      lines = undefined;
    } else lines?.push(line);
  }
  return found;
}

/** What one response must hold, and whether that is all. */
interface Exchange {
  readonly stream: RawStream;
  expected: string[];
}

const FIRST_EVENT_AT = 1_700_000_000_000;

/**
 * Plays a transcript against the real handler. The broker's clock stands still but for one second per emit, so that ids are those
 * that the page prints; the timers of the library move when the transcript waits.
 */
export async function replay(
  { lines }: Transcript,
  createListener: (options: HandleOptions) => RequestListener,
): Promise<void> {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  const player = new Player(createListener);
  try {
    for (const block of blocksOf(lines)) await player.play(block);
    await player.finish();
  } finally {
    vi.restoreAllMocks();
    vi.useRealTimers();
    await player.close();
  }
}

/** Lines of one kind that follow one another; a step is a block of its own. */
function blocksOf(lines: readonly string[]): string[][] {
  const blocks: string[][] = [];
  for (const line of lines.filter((line) => line !== "")) {
    const kind = line.split(" ", 1)[0];
    const last = blocks.at(-1);
    if (last && kind !== "!" && last[0]?.split(" ", 1)[0] === kind) last.push(line);
    else blocks.push([line]);
  }
  return blocks;
}

class Player {
  readonly #createListener: (options: HandleOptions) => RequestListener;
  readonly #exchanges: Exchange[] = [];
  #realtimeOptions: RealtimeOptions = {};
  #handleOptions: Omit<HandleOptions, "realtime"> = {};
  #now = FIRST_EVENT_AT;
  #realtime: Realtime | undefined;
  #server: TestServer | undefined;

  constructor(createListener: (options: HandleOptions) => RequestListener) {
    this.#createListener = createListener;
  }

  async play(block: readonly string[]): Promise<void> {
    const [kind = ""] = (block[0] ?? "").split(" ", 1);
    const texts = block.map((line) => line.slice(kind.length + 1));
    if (kind === "!") await this.#step(texts[0] ?? "");
    else if (kind === ">") await this.#send(texts);
    else if (kind === "<") await this.#receive(this.#exchanges.at(-1), texts);
    else if (kind === "<<") await this.#receive(this.#exchanges.at(-2), texts);
    else throw new Error(`a transcript has no lines that begin with ${kind}`);
  }

  /** Ends every stream, so that what is sent and not expected shows. */
  async finish(): Promise<void> {
    await this.#realtime?.close();
    for (const { stream, expected } of this.#exchanges) {
      const text = await stream.ended;
      if (stream.status === 200)
        expect(text.split("\n").slice(0, -1), "nothing but what the transcript shows").toEqual(expected);
    }
  }

  async close(): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    await this.#realtime?.close();
  }

  async #step(text: string): Promise<void> {
    const [verb = "", ...words] = text.split(" ");
    if (verb === "option") this.#setOption(words[0] ?? "", JSON.parse(words.slice(1).join(" ")) as never);
    else if (verb === "emit") await this.#emit(words);
    else if (verb === "cut") this.#exchanges.at(-1)?.stream.destroy();
    else if (verb === "ends") await this.#exchanges.at(words[0] === "<<" ? -2 : -1)?.stream.ended;
    else if (verb === "wait") await vi.advanceTimersByTimeAsync(Number(words[0]) * 1_000);
    else throw new Error(`a transcript has no step "${text}"`);
  }

  #setOption(name: string, value: never): void {
    if (name === "maxLength") this.#realtimeOptions = { ...this.#realtimeOptions, history: { maxLength: value } };
    else if (name === "maxDurationSecs") this.#realtimeOptions = { ...this.#realtimeOptions, maxDurationSecs: value };
    else if (name === "mayRead") {
      const allowed: readonly string[] = value;
      this.#handleOptions = { authorize: ({ channel }) => allowed.includes(channel) };
    } else throw new Error(`a transcript has no option ${name}`);
  }

  async #emit([channel = "", event = "", ...json]: readonly string[]): Promise<void> {
    const { realtime } = await this.#start();
    await realtime.channel(channel).emit(event, JSON.parse(json.join(" ")) as unknown);
    this.#now += 1_000;
  }

  async #send([requestLine = "", ...headerLines]: readonly string[]): Promise<void> {
    const [method = "", path = ""] = requestLine.split(" ");
    const headers = Object.fromEntries(headerLines.map(splitHeader));
    const { server } = await this.#start();
    this.#exchanges.push({ stream: await openRaw(server.url + path, { method, headers }), expected: [] });
  }

  async #receive(exchange: Exchange | undefined, texts: readonly string[]): Promise<void> {
    if (!exchange) throw new Error("the server cannot answer before the client has asked");
    const { stream, expected } = exchange;
    let body = texts;
    if (expected.length === 0) {
      const endOfHead = texts.includes("") ? texts.indexOf("") : texts.length;
      const [status, ...headerLines] = texts.slice(0, endOfHead);
      expect(stream.status).toBe(Number(status));
      for (const [name, value] of headerLines.map(splitHeader)) expect(stream.headers[name], name).toBe(value);
      body = texts.slice(endOfHead + 1);
    }
    expected.push(...body);
    const received = await stream.until((text) => text.split("\n").length > expected.length);
    expect(received.split("\n").slice(0, expected.length)).toEqual(expected.map((line, index) => fill(line, received, index)));
  }

  async #start(): Promise<{ realtime: Realtime; server: TestServer }> {
    this.#realtime ??= new Realtime({
      ...this.#realtimeOptions,
      broker: createMemoryBroker({ now: () => this.#now, random: () => 0 }),
    }) as never as Realtime;
    const realtime = this.#realtime;
    this.#server ??= await serve(this.#createListener({ ...this.#handleOptions, realtime }));
    return { realtime, server: this.#server };
  }
}

/** `…` in a line stands for text that is not part of the protocol. */
function fill(line: string, received: string, index: number): string {
  const [before, after] = line.split("…");
  const actual = received.split("\n")[index] ?? "";
  if (after === undefined || before === undefined) return line;
  return actual.startsWith(before) && actual.endsWith(after) ? actual : line;
}

function splitHeader(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}
