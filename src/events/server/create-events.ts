import { TidingsError, type Realtime } from "../../index.ts";
import { refuseUnknownOptions } from "../../protocol/unknown-options.ts";
import type { AnyEvents, EventOf } from "../types.ts";
import { createPublish, type Publish } from "./publish.ts";
import { resolveRealtime, type StoreOptions } from "./resolve-realtime.ts";
import { createRoute, type RouteOptions } from "./route.ts";

/** Options of {@link createEvents}. */
export interface EventsOptions extends StoreOptions, RouteOptions {}

const EVENTS_OPTIONS: Readonly<Record<keyof EventsOptions, true>> = {
  redis: true,
  keyPrefix: true,
  history: true,
  realtime: true,
  identify: true,
  authorize: true,
  address: true,
  revalidateSecs: true,
  cors: true,
  limits: true,
};

/** What {@link createEvents} returns: the route, and what publishes to those who read it. */
export interface Events<E> extends Publish<E> {
  /** The route, for anything that speaks `Request` and `Response`. A method would lose `this`: it is a function, to be exported. */
  readonly GET: (request: Request) => Promise<Response>;
  /** What is below: `disconnect({ user })`, `drain()`, `stats()`. Its channels are `user:<id>` and `channel:<name>`. */
  readonly realtime: Realtime;
}

/**
 * Events for users and for channels: a route that browsers read, and functions that publish. It knows your events when it is given
 * a map of them, `createEvents<{ booking_update: { bookingId: string } }>({ … })`: then `{ type: "booking_update", bookingId }` is one.
 *
 * @throws TidingsError `bad_option`
 */
export function createEvents<Map extends object = AnyEvents>(options: EventsOptions): Events<EventOf<Map>> {
  if (typeof (options as EventsOptions | undefined)?.identify !== "function") {
    throw new TidingsError(
      "bad_option",
      "`createEvents` needs `identify: (request) => …`, which says whose events a request may read: the id of the session's user. An id out of the query would let everybody read everybody's.",
    );
  }
  refuseUnknownOptions("`createEvents`", options, EVENTS_OPTIONS);
  for (const name of ["authorize", "address"] as const) {
    if (options[name] !== undefined && typeof options[name] !== "function")
      throw new TidingsError("bad_option", `\`${name}\` of \`createEvents\` is a function; it got ${typeof options[name]}.`);
  }
  const realtime = resolveRealtime(options, options);
  return {
    GET: createRoute(realtime, options),
    ...(createPublish(realtime) as Publish<EventOf<Map>>),
    realtime,
  };
}
