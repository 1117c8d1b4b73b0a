import { expectTypeOf, it } from "vitest";
import type { ConnectionStatus } from "../../src/client/core.ts";
import { createEventHooks, useEventStream, useRealtimeChannel, type EventOf } from "../../src/events/client.ts";
import { createEvents, type RealtimeEvent } from "../../src/events.ts";

// Nothing here runs: `tsc` compiles it, and a wrong expectation is an error.

interface Map {
  booking_update: { bookingId: string; status: "pending" | "confirmed" };
  notification: { text: string };
}
declare class RequestWithCookies extends Request {
  readonly cookies: ReadonlyMap<string, string>;
}

const events = createEvents<Map>({ identify: (request: RequestWithCookies) => request.cookies.get("user") });

it("S-15, S-16, S-17: what is published is one of the events that there are", () => {
  void events.publishToUser("u1", { type: "booking_update", bookingId: "1", status: "confirmed" });
  void events.broadcast({ type: "notification", text: "hi" }, { id: "1" });
  // @ts-expect-error -- no such status
  void events.publishToChannel("a", { type: "booking_update", bookingId: "1", status: "lost" });
  // @ts-expect-error -- no such event
  void events.publishToChannel("a", { type: "other" });
  // @ts-expect-error -- a field is missing
  void events.publishToUser("u1", { type: "booking_update", bookingId: "1" });
  // @ts-expect-error -- nobody says who reads
  createEvents({});
});

it("S-10, S-21: the hooks know them, by the server's instance or by a map", () => {
  const hooks = createEventHooks<typeof events>();
  expectTypeOf<ReturnType<typeof hooks.useEventStream>["lastEvent"]>().toEqualTypeOf<EventOf<Map> | null>();
  expectTypeOf(createEventHooks<Map>()).toEqualTypeOf(hooks);
  hooks.useEventStream({
    onEvent(event) {
      // @ts-expect-error -- not every event has one
      void event.status;
      if (event.type === "booking_update") expectTypeOf(event.status).toEqualTypeOf<"pending" | "confirmed">();
      else expectTypeOf(event.text).toEqualTypeOf<string>();
    },
  });
  hooks.useRealtimeChannel("a", (event) => expectTypeOf(event).toEqualTypeOf<EventOf<Map>>());
});

it("S-10, S-15, S-21: without types any field can be read and published", () => {
  const untyped = createEvents({ identify: () => undefined });
  void untyped.publishToUser("u1", { type: "t", anything: 1 });
  // @ts-expect-error -- an event has a type
  void untyped.publishToUser("u1", { anything: 1 });
  const { isConnected, status, lastEvent } = useEventStream({
    ...{ userId: "u1", enabled: false },
    onEvent: (event) => expectTypeOf(event).toEqualTypeOf<RealtimeEvent>(),
  });
  expectTypeOf(isConnected).toEqualTypeOf<boolean>();
  expectTypeOf(status).toEqualTypeOf<ConnectionStatus>();
  expectTypeOf(lastEvent).toEqualTypeOf<RealtimeEvent | null>();
  // @ts-expect-error -- yes or no
  useEventStream({ enabled: "yes" });
  expectTypeOf(useRealtimeChannel("a", () => {}, { enabled: isConnected }).status).toEqualTypeOf<ConnectionStatus>();
  useRealtimeChannel<{ status: string }>("a", (event) => expectTypeOf(event.status).toEqualTypeOf<string>());
  createEventHooks<typeof untyped>().useEventStream({ onEvent: (event) => expectTypeOf(event).toEqualTypeOf<RealtimeEvent>() });
});
