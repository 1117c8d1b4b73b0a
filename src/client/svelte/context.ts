import { getContext, onDestroy, onMount, setContext } from "svelte";
import { warnOfNested } from "../bindings/nested-provider.ts";
import type { ProvideRealtimeOptions } from "../bindings/options.ts";
import { watchConnection } from "../bindings/watch-connection.ts";
import { createRealtimeClient } from "../client.ts";
import type { RealtimeClient } from "../options.ts";

// A bundler may give a page two copies of this module.
const CONTEXT = Symbol.for("tidings.realtime");

/**
 * One connection for this component and everything below it, open only while one of them wants a channel, and destroyed with
 * this component. Call it while the component is set up.
 *
 * The options are read once. Where others are wanted later, such as `shareTabs` for another user, render the component that
 * provides anew: `{#key user.id}<RealtimeRoot {user} />{/key}`.
 */
export function provideRealtime(options: ProvideRealtimeOptions = {}): RealtimeClient {
  const { client: given } = options;
  const client = watchConnection(given ?? createRealtimeClient(options), () => options);
  const isInner = getContext(CONTEXT) !== undefined;
  onMount(() => {
    if (isInner && !given) warnOfNested("provideRealtime()");
    return client.watch();
  });
  if (!given) onDestroy(client.destroy);
  return setContext(CONTEXT, client);
}

/** The client of the nearest component that called `provideRealtime`. @throws Error when there is none. */
export function getRealtimeContext(): RealtimeClient {
  const client = getContext(CONTEXT) as RealtimeClient | undefined;
  if (!client)
    throw new Error("No realtime client found. Call provideRealtime() in a component above, or before, in this one.");
  return client;
}
