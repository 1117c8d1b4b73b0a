import { describe, expect, it, vi } from "vitest";
import type { RedisSource } from "../../src/brokers/redis/transport.ts";
import { handle, Realtime } from "../../src/index.ts";
import { ORIGIN } from "../../src/protocol/cursor.ts";
import { MAX_ANNOUNCED_BYTES, PROBE_MS } from "../../src/protocol/limits.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { draft, KEEP, openBroker } from "./redis-brokers.ts";
import { watchRedis } from "./redis-watch.ts";
import { countOf, readStream } from "./stream-reader.ts";

/** What differs from one client library to another. */
export interface CostSuiteOptions {
  readonly port: () => number;
  readonly source: (port: number) => RedisSource;
  /** What is sent when a process joins channels, all in one turn. @default one `SUBSCRIBE` */
  readonly joining?: readonly string[];
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at);
const LARGE = JSON.stringify("x".repeat(MAX_ANNOUNCED_BYTES));

/** I6, through one client library, as Redis itself counts it. */
export function redisCostSuite(library: string, options: CostSuiteOptions): void {
  const { joining = ["SUBSCRIBE"] } = options;
  const open = (clock?: ReturnType<typeof fakeClock>) => {
    const port = options.port();
    const own = openBroker(port, { source: options.source(port), ...(clock && { clock }) });
    return { own, watch: watchRedis(port) };
  };
  /** A script that is used again is loaded, once for each connection. */
  const warm = async (emit: () => Promise<unknown>): Promise<void> => {
    for (let times = 0; times < 3; times++) await emit();
  };

  describe(`I6 Cost: through ${library}`, () => {
    it("is a connection from the first command on and one more from the first join on, and none by the user's own client", async () => {
      const { own, watch } = open();
      expect(await watch.connections()).toEqual([]);
      const { listener } = own.record();
      await own.emit("c", "1");
      expect(await watch.connections()).toEqual(["tidings-commands"]);
      await Promise.all(numbers(500).map((at) => listener.join(`c${at}`)));
      await Promise.all(numbers(100).map((at) => own.emit(`c${at}`, "1")));
      expect(await watch.connections()).toEqual(["tidings-commands", "tidings-subscription"]);
      await own.broker.close();
      await vi.waitFor(async () => expect(await watch.connections()).toEqual([]));
    });

    it("is one command per append, whatever its size and with an id of its own, and none while nothing happens", async () => {
      const { own, watch } = open();
      await using _ = own;
      const { listener } = own.record();
      await Promise.all([listener.join("c"), listener.join("d")]);
      await warm(() => own.emit("c", "0"));
      expect(await watch.commandsDuring(() => own.emit("c", "1"))).toEqual(["EVALSHA"]);
      expect(await watch.commandsDuring(() => own.emit("c", LARGE))).toEqual(["EVALSHA"]);
      const named = { ...draft("2"), onceId: "order 7" };
      expect(await watch.commandsDuring(() => own.broker.append("c", named, KEEP, 5_000))).toEqual(["EVALSHA"]);
      const many = await watch.commandsDuring(() => Promise.all(numbers(50).map((n) => own.emit(`c${n % 5}`, `${n}`))));
      expect(many).toEqual(Array(50).fill("EVALSHA"));
      expect(await watch.commandsDuring(() => {})).toEqual([]);
    });

    it("is one command per read and per locate, and one for all joins and one for all leaves of a turn", async () => {
      const { own, watch } = open();
      await using _ = own;
      const { listener } = own.record();
      await Promise.all([own.emit("c", "0"), listener.join("c")]);
      expect(await watch.commandsDuring(() => own.broker.read("c", ORIGIN, { pageBytes: 1_000 }))).toEqual(["EVAL"]);
      expect(await watch.commandsDuring(() => own.broker.locate("c", { newest: 5 }))).toEqual(["EVAL"]);
      const channels = numbers(400).map((at) => `many${at}`);
      expect(await watch.commandsDuring(() => Promise.all(channels.map((channel) => listener.join(channel))))).toEqual(joining);
      const left = await watch.commandsDuring(async () => {
        for (const channel of channels) listener.leave(channel);
        // Takes its turn behind the leaves.
        await listener.join("last");
      });
      expect(left).toEqual(["UNSUBSCRIBE", ...joining]);
    });

    it("is one read of what is above 8 kB, however many streams wait for it", async () => {
      const { own, watch } = open();
      await using _ = own;
      const realtime = new Realtime({ broker: own.broker });
      const endpoint = handle({ realtime });
      const streams = await Promise.all(numbers(30).map(() => readStream(endpoint, "channel=c")));
      try {
        for (const stream of streams) await stream.until((frames) => countOf(frames, "connected") > 0);
        let emits = 0;
        const emit = async () => {
          await realtime.channel("c").emit("a.b", `${++emits}${LARGE}`);
          for (const stream of streams) await stream.until((frames) => countOf(frames, "") === emits);
        };
        await warm(emit);
        expect(await watch.commandsDuring(emit)).toEqual(["EVALSHA", "EVALSHA"]);
      } finally {
        for (const stream of streams) await stream.close();
        await realtime.close();
      }
    });

    it("is one command for all channels when a connection comes back", async () => {
      const { own, watch } = open();
      await using _ = own;
      const { listener, signals } = own.record();
      await Promise.all(numbers(300).map((at) => listener.join(`c${at}`)));
      const commands = await watch.commandsDuring(async () => {
        await watch.kill("tidings-subscription");
        await vi.waitFor(() => expect(signals).toHaveLength(2));
      });
      expect(commands.filter((name) => name === "SUBSCRIBE")).toHaveLength(1);
    });

    it("I13 Probe: is one PING per connection and probe while idle", async () => {
      const clock = fakeClock();
      const { own, watch } = open(clock);
      await using _ = own;
      await Promise.all([own.emit("c", "0"), own.record().listener.join("c")]);
      for (let round = 0; round < 3; round++) {
        expect(await watch.commandsDuring(() => clock.advance(PROBE_MS))).toEqual(["PING", "PING"]);
      }
    });
  });
}
