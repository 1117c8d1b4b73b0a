import { describe, expect, it } from "vitest";
import { handle, Realtime } from "../index.ts";
import type { Dialect } from "./dialect.ts";
import { translator } from "./translate.ts";

const PLAIN: Dialect = {
  opening: "event: ready\ndata: {}\n\n",
  heartbeat: ": alive\n\n",
  event: ({ channel, event, json }) => (event === "n.hidden" ? undefined : { lines: `event: ${channel}\ndata: ${json}\n` }),
};

const translate = translator(PLAIN);

/** Text of a stream until it holds something. */
async function readUntil(response: Response, wanted: string): Promise<string> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (!text.includes(wanted)) {
    // oxlint-disable-next-line no-await-in-loop -- one piece after the other
    const { value, done } = await reader.read();
    if (done) throw new Error(`ended after ${JSON.stringify(text)}`);
    text += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  return text;
}

/** A stream of these texts, each cut after every byte when asked to. */
function streamOf(text: string, size = text.length): Response {
  const bytes = new TextEncoder().encode(text);
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.slice(n * size, (n + 1) * size));
  const body = new ReadableStream({
    pull(controller) {
      const piece = pieces.shift();
      if (piece) controller.enqueue(piece);
      else controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

const ID = "1700000000000-0";
const connected = (channel: string, id = ""): string =>
  `${id}event: connected\ndata: {"channel":"${channel}","cursor":"0-0"}\n\n`;
const event = (channel: string, data: string): string =>
  `data: {"id":"${ID}","channel":"${channel}","event":"n.n","data":${data}}\n\n`;

describe("a stream in a dialect", () => {
  it("speaks for a real endpoint, and lets it go with its reader", async () => {
    await using realtime = new Realtime({ redis: { driver: "memory" } });
    const endpoint = handle({ realtime });
    const response = translate(await endpoint(new Request("http://localhost/?channel=a")), 1);
    expect(response.headers.get("x-accel-buffering")).toBe("no");
    const reading = readUntil(response, '"text"');
    await realtime.channel("a").emit("n.n", { text: "ä\u2028" });
    const text = await reading;
    expect(text.replaceAll(/\d{13}-\d+/g, "#")).toBe(
      'event: ready\ndata: {}\n\nretry: 1000\n\nid: 0-0\nevent: position\ndata: {}\n\nid: #\nevent: a\ndata: {"text":"ä\u2028"}\n\n'.replace(
        "0-0",
        text.match(/id: (0-\d+)/)?.[1] ?? "?",
      ),
    );
    await expect.poll(() => realtime.stats().streams).toBe(0);
  });

  it("gives data byte for byte, however its bytes are cut", async () => {
    const data = '{"n":12345678901234567890,"s":",\\"data\\":{}}","u":"😀"}';
    const whole = `retry: 1000\n:\n\n${connected("a")}${event("a", data)}`;
    for (const size of [1, 2, 3, 7, whole.length]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await translate(streamOf(whole, size), 1).text()).toContain(`event: a\ndata: ${data}\n\n`);
    }
  });

  it("opens when every channel has been joined or refused, with what was said before behind it", async () => {
    const problem = 'event: problem\ndata: {"code":"forbidden","channel":"b","retry":false}\n\n';
    const text = await translate(streamOf(`retry: 5\n:\n\n${problem}:\n\n${connected("a")}:\n\n`), 2).text();
    expect(text).toBe(`${PLAIN.opening}retry: 5\n\n${problem}${PLAIN.heartbeat}`);
  });

  it("does not count a channel twice that is joined and then lost, or told to be away and then joined", async () => {
    const problem = (code: string): string => `event: problem\ndata: {"code":"${code}","channel":"a","retry":true}\n\n`;
    for (const twice of [connected("a") + problem("forbidden"), problem("channel_unavailable") + connected("a")]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await translate(streamOf(twice), 2).text()).toBe("");
      // oxlint-disable-next-line no-await-in-loop -- as above
      expect(await translate(streamOf(twice + connected("b")), 2).text()).toMatch(/^event: ready\n/);
    }
  });

  it("says where the stream stands behind the opening, once", async () => {
    const position = (id: string): string => `id: ${id}\nevent: position\ndata: {}\n\n`;
    const text = await translate(
      streamOf(connected("a") + position("0-1,") + position("0-2,") + connected("b") + position("0-2,0-3")),
      2,
    ).text();
    expect(text).toBe(PLAIN.opening + position("0-2,") + position("0-2,0-3"));
  });

  it("opens before the first event, though another channel still waits", async () => {
    const text = await translate(streamOf(`${connected("a")}${event("a", "1")}${connected("b")}`), 2).text();
    expect(text).toBe(`${PLAIN.opening}event: a\ndata: 1\n\n`);
  });

  it("leaves out what the dialect leaves out, and passes on what it does not know", async () => {
    const gap = 'event: gap\ndata: {"channel":"a"}\n\n';
    const position = `id: ${ID},${ID}\nevent: position\ndata: {}\n\n`;
    const hidden = event("a", "1").replace("n.n", "n.hidden");
    const text = await translate(streamOf(`${connected("a")}${hidden}${gap}${position}`), 1).text();
    expect(text).toBe(`${PLAIN.opening}${gap}${position}`);
  });

  it("leaves a refusal as it is", async () => {
    const refusal = Response.json({ code: "forbidden" }, { status: 403 });
    expect(translate(refusal, 1)).toBe(refusal);
  });

  it("asks what is said of an event once for all streams, and each stream whether it says that", async () => {
    const asked: string[] = [];
    const say = translator({
      ...PLAIN,
      event({ event: name, json }) {
        asked.push(json);
        return { lines: `event: ${name}\ndata: ${json}\n`, json };
      },
      filter() {
        const said = new Set<string>();
        return ({ json }) => !said.has(json) && Boolean(said.add(json));
      },
    });
    const hear = (text: string): Promise<string> => say(streamOf(connected("a") + text), 1).text();
    const frame = (data: string): string => `event: n.n\ndata: ${data}\n\n`;
    expect(await hear(event("a", "1") + event("a", "2"))).toBe(PLAIN.opening + frame("1") + frame("2"));
    expect(await hear(event("a", "2") + event("a", "2"))).toBe(PLAIN.opening + frame("2"));
    expect(asked).toEqual(["1", "2"]);
    // The same length, id and channel, and other data: another event.
    expect(await hear(event("a", "3") + event("b", "1"))).toBe(PLAIN.opening + frame("3") + frame("1"));
    expect(asked).toEqual(["1", "2", "3", "1"]);
  });

  it("gives the same bytes to each stream that is given the same", async () => {
    const bytes = new TextEncoder().encode(`${connected("a")}${event("a", "1")}`);
    const later = new TextEncoder().encode(event("a", '"ä"'));
    const heard = await Promise.all(
      [1, 2].map(async () => {
        const pieces = [bytes, later];
        const body = new ReadableStream<Uint8Array>({
          pull: (controller) => (pieces.length > 0 ? controller.enqueue(pieces.shift() as Uint8Array) : controller.close()),
        });
        const response = translate(new Response(body, { headers: { "content-type": "text/event-stream" } }), 1);
        const chunks: Uint8Array[] = [];
        for await (const chunk of response.body ?? []) chunks.push(chunk);
        return chunks;
      }),
    );
    expect(new TextDecoder().decode(heard[0]?.[1])).toBe('event: a\ndata: "ä"\n\n');
    expect(heard[0]?.[1]).toBe(heard[1]?.[1]);
  });
});
