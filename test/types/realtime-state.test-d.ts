import { expectTypeOf, it } from "vitest";
import { z } from "zod/v4";
import { createRealtimeState, useRealtimeState } from "../../src/client/react.ts";
import { Realtime } from "../../src/index.ts";

// Nothing here runs: `tsc` compiles it, and a wrong expectation is an error.

const realtime = new Realtime({
  schema: {
    parcel: { moved: z.object({ place: z.string(), at: z.date() }), lost: z.string() },
    job: { done: z.object({}) },
  },
});
const typed = createRealtimeState<typeof realtime>();

it("F-62: the state's messages are those of the server, discriminated by name", () => {
  const { state, isStale } = typed.useRealtimeState({
    channel: "parcel:1",
    initial: 0,
    reduce(count, message) {
      expectTypeOf(count).toEqualTypeOf<number>();
      expectTypeOf(message.event).toEqualTypeOf<"parcel.moved" | "parcel.lost" | "job.done">();
      if (message.event === "parcel.moved") expectTypeOf(message.data).toEqualTypeOf<{ place: string; at: string }>();
      return count + 1;
    },
  });
  expectTypeOf(state).toEqualTypeOf<number>();
  expectTypeOf(isStale).toEqualTypeOf<boolean>();
});

it("F-58: `events` narrows the messages, and takes only names of the schema", () => {
  typed.useRealtimeState({
    channel: "parcel:1",
    events: ["parcel.lost"],
    initial: "",
    reduce(_last, { data }) {
      expectTypeOf(data).toEqualTypeOf<string>();
      return data;
    },
  });
  typed.useRealtimeState({
    channel: "parcel:1",
    // @ts-expect-error -- no such event
    events: ["parcel.eaten"],
    initial: "",
    reduce: (last) => last,
  });
});

it("`initial`, `reduce` and `resync` agree on the state", () => {
  const { state } = typed.useRealtimeState({
    channel: undefined,
    initial: (): string[] => [],
    after: "1-0",
    reduce: (all, { id }) => [...all, id],
    resync: async (signal) => {
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
      return { state: ["1-0"], cursor: "1-0" };
    },
    onGap: ({ reason }) => reason,
  });
  expectTypeOf(state).toEqualTypeOf<string[]>();
  typed.useRealtimeState<number>({
    channel: "a",
    initial: 0,
    // @ts-expect-error -- the state is a number
    reduce: () => "one",
  });
  // @ts-expect-error -- a state without its cursor
  typed.useRealtimeState<number>({ channel: "a", initial: 0, reduce: (n) => n, resync: async () => ({ state: 1 }) });
  // @ts-expect-error -- a state has a channel, if only `undefined`
  typed.useRealtimeState({ initial: 0, reduce: (n: number) => n });
});

it("without types any event may come, with any data", () => {
  useRealtimeState({
    channel: "a",
    initial: 0,
    reduce(count, { event, data }) {
      expectTypeOf(event).toEqualTypeOf<string>();
      expectTypeOf(data).toEqualTypeOf<unknown>();
      return count;
    },
  });
});
