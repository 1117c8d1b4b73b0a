import { expectTypeOf, it } from "vitest";
import { z } from "zod/v4";
import { createRealtimeClient } from "../../src/client/core.ts";
import { createRealtime, useRealtime } from "../../src/client/react.ts";
import { revalidateKeys, type SwrMutate } from "../../src/client/swr.ts";
import { createRealtime as createInSvelte } from "../../src/client/svelte.ts";
import { invalidateQueries, type QueryClientLike } from "../../src/client/tanstack-query.ts";
import { createRealtime as createInVue } from "../../src/client/vue.ts";
import { Realtime } from "../../src/index.ts";

// Nothing here runs: `tsc` compiles it, and a wrong expectation is an error. With the real types of TanStack Query and SWR:
// test/integration/caches.test.ts.

const realtime = new Realtime({
  schema: { parcel: { moved: z.object({ id: z.string(), at: z.date() }), lost: z.string() }, job: { done: z.number() } },
});
const other = new Realtime({ schema: { other: { event: z.number() } } });
declare const queryClient: QueryClientLike;
declare const mutate: SwrMutate;

it("names and data are those of `typeof realtime`", () => {
  const { events } = invalidateQueries<typeof realtime>(queryClient, {
    "parcel.moved": ({ event, data }) => {
      expectTypeOf(event).toEqualTypeOf<"parcel.moved">();
      expectTypeOf(data).toEqualTypeOf<{ id: string; at: string }>();
      return ["parcel", data.id];
    },
    "parcel.lost": ({ data }) => (data === "" ? undefined : { keys: [["parcel", data], ["parcels"]] }),
    "job.done": { keys: [["jobs"]] },
  });
  expectTypeOf(events).toEqualTypeOf<ReadonlyArray<"parcel.moved" | "parcel.lost" | "job.done">>();
  // @ts-expect-error -- no such event
  invalidateQueries<typeof realtime>(queryClient, { "parcel.found": ["parcels"] });
  // @ts-expect-error -- a key of TanStack Query is an array
  invalidateQueries<typeof realtime>(queryClient, { "parcel.lost": "parcels" });
  // @ts-expect-error -- one key is meant, or `{ keys }`
  invalidateQueries<typeof realtime>(queryClient, { "parcel.lost": ["parcels"] }, { gapKeys: "parcels" });

  revalidateKeys<typeof realtime>(mutate, {
    "parcel.moved": ({ data }) => `/parcels/${data.id}`,
    "parcel.lost": ({ data }) => [`/parcels`, data],
    "job.done": () => (key) => key === "/jobs",
  });
  // @ts-expect-error -- no such event
  revalidateKeys<typeof realtime>(mutate, { "parcel.found": "/parcels" });
  // @ts-expect-error -- a number is no key
  revalidateKeys<typeof realtime>(mutate, { "job.done": 1 });
});

it("what is returned fits every binding and the client", () => {
  const handlers = invalidateQueries<typeof realtime>(queryClient, { "parcel.lost": ["parcels"] });
  const untyped = revalidateKeys(mutate, { "any.name": "/parcels" });
  const typed = createRealtime<typeof realtime>();
  typed.useRealtime({ channels: ["a"], ...handlers });
  createInSvelte<typeof realtime>().useRealtime({ channels: ["a"], ...handlers });
  createInVue<typeof realtime>().useRealtime(() => ({ channels: ["a"], ...handlers }));
  typed.useRealtime({
    ...handlers,
    onData: (message) => handlers.onData(message),
    onGap: (gap) => handlers.onGap(gap),
  });
  useRealtime({ ...handlers });
  useRealtime({ ...untyped });
  createRealtimeClient().subscribe({ ...handlers });
  createRealtimeClient().subscribe({ ...untyped });
  // @ts-expect-error -- any name, where only some are events
  typed.useRealtime({ ...untyped });
  // @ts-expect-error -- events of another realtime
  createRealtime<typeof other>().useRealtime({ ...handlers });
});
