import { expectTypeOf, it } from "vitest";
import { shallowRef, toValue, type App, type Ref } from "vue";
import { z } from "zod/v4";
import type { ConnectionStatus, RealtimeClient } from "../../src/client/core.ts";
import {
  createRealtime,
  createRealtimeClient,
  createRealtimePlugin,
  createRealtimeState,
  provideRealtime,
  useRealtime,
  useRealtimeContext,
  type RealtimeSnapshot,
  type UseRealtimeOptions,
} from "../../src/client/vue.ts";
import { Realtime, type InferRealtimeEvents } from "../../src/index.ts";

// Nothing here runs: `tsc` compiles it, and a wrong expectation is an error. Once with what we declare of Vue, and once with
// Vue's own types (test/package/framework-types.test.ts).

const realtime = new Realtime({
  schema: { parcel: { moved: z.object({ place: z.string(), at: z.date() }), lost: z.string() }, job: { done: z.number() } },
});
interface Moved {
  place: string;
  at: string;
}

it("C3: a client is provided and found, by a component or by a plugin", () => {
  expectTypeOf(provideRealtime()).toEqualTypeOf<RealtimeClient>();
  provideRealtime({ api: { url: "/events", headers: () => ({ authorization: "Bearer badge" }) }, maxReconnectAttempts: 3 });
  const callbacks = { onConnectionLost: () => "lost", onConnectionRestored: () => {}, connectionLostAfterSecs: 10 };
  provideRealtime({ client: createRealtimeClient(), ...callbacks });
  expectTypeOf(useRealtimeContext).toEqualTypeOf<() => RealtimeClient>();
  const install = (app: App): void => createRealtimePlugin({ api: { url: "/events" }, ...callbacks }).install(app);
  void install;
  // @ts-expect-error -- meant is `api: { url }`
  createRealtimePlugin({ url: "/events" });
});

it("F-62, F-67: options, a ref or a getter of them know the events of `typeof realtime`", () => {
  const typed = createRealtime<typeof realtime>();
  const { status } = typed.useRealtime({
    channels: ["parcel:A-1", undefined],
    events: ["parcel.moved", "parcel.lost"],
    enabled: true,
    history: { limit: 20 },
    onData(payload) {
      if (payload.event === "parcel.moved") expectTypeOf(payload.data).toEqualTypeOf<Moved>();
      else expectTypeOf(payload.data).toEqualTypeOf<string>();
      // @ts-expect-error -- filtered out
      if (payload.event === "job.done") return;
    },
    onGap: ({ reason }) => expectTypeOf(reason).toEqualTypeOf<"trimmed" | "reset" | "unproven" | "limit">(),
  });
  expectTypeOf(status).toEqualTypeOf<Readonly<Ref<ConnectionStatus>>>();

  typed.useRealtime(() => ({
    channels: ["parcel:A-1"],
    events: ["job.done"],
    onData({ event, data }) {
      expectTypeOf(event).toEqualTypeOf<"job.done">();
      expectTypeOf(data).toEqualTypeOf<number>();
    },
  }));

  type Options = UseRealtimeOptions<{ "parcel.lost": string; "parcel.moved": Moved; "job.done": number }, "parcel.lost">;
  const options: Options = { events: ["parcel.lost"], onData: ({ data }) => data.length };
  typed.useRealtime(shallowRef(options));
  typed.useRealtime();
  useRealtime({ onData: ({ data }) => expectTypeOf(data).toBeUnknown() });

  // @ts-expect-error -- no such event
  typed.useRealtime({ events: ["parcel.found"] });
  // @ts-expect-error -- no such event
  typed.useRealtime(() => ({ events: ["parcel.found"] }));
  // @ts-expect-error -- meant is `channels`
  typed.useRealtime({ channel: "parcel:A-1" });
  // @ts-expect-error -- a ref holds options, not channels
  typed.useRealtime(shallowRef(["parcel:A-1"]));
});

it("F-63, F-64: plain events and an InferRealtimeEvents type it too", () => {
  const plain = createRealtime<{ parcel: { lost: string } }>();
  plain.useRealtime({ onData: ({ event, data }) => expectTypeOf([event, data]).toEqualTypeOf<string[]>() });
  const inferred = createRealtime<InferRealtimeEvents<typeof realtime>>();
  inferred.useRealtime({
    events: ["parcel.moved"],
    onData: ({ data }) => expectTypeOf(data).toEqualTypeOf<Moved>(),
  });
});

it("a state has the type of what it begins with", () => {
  // @ts-expect-error -- has a factory of its own, so that who does not use it does not load it
  void createRealtime<typeof realtime>().useRealtimeState;
  const { useRealtimeState } = createRealtimeState<typeof realtime>();
  const places = useRealtimeState({
    channel: "parcel:A-1",
    initial: [] as string[],
    events: ["parcel.moved"],
    reduce: (state, { data }) => [...state, data.place],
    resync: async () => await Promise.resolve({ state: ["Bern"], cursor: "1-0" }),
  });
  expectTypeOf(places).toEqualTypeOf<Readonly<Ref<RealtimeSnapshot<string[]>>>>();
  expectTypeOf(toValue(places).isStale).toEqualTypeOf<boolean>();
  const count = useRealtimeState(() => ({ channel: undefined, initial: 0, reduce: (state: number) => state + 1 }));
  expectTypeOf(count).toEqualTypeOf<Readonly<Ref<RealtimeSnapshot<number>>>>();
  // @ts-expect-error -- a state needs `reduce`
  useRealtimeState({ channel: "parcel:A-1", initial: 0 });
});
