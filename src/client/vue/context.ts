import { getCurrentInstance, inject, onScopeDispose, provide, type App, type ComponentInternalInstance } from "vue";
import { warnOfNested } from "../bindings/nested-provider.ts";
import type { ProvideRealtimeOptions } from "../bindings/options.ts";
import { watchConnection, type WatchedClient } from "../bindings/watch-connection.ts";
import { createRealtimeClient } from "../client.ts";
import type { RealtimeClient } from "../options.ts";
import { warn } from "../report.ts";
import { whenMounted } from "./when-mounted.ts";

// A bundler may give a page two copies of this module.
const CONTEXT = Symbol.for("tidings.realtime");

/** The clients of components that provide one: Vue itself gives a component only what those above it provide. */
const provided = new WeakMap<ComponentInternalInstance, RealtimeClient>();

/**
 * One connection for this component and everything below it, open only while one of them wants a channel, and destroyed with
 * this component. Call it in `setup`.
 *
 * The options are read once. Where others are wanted later, such as `shareTabs` for another user, render the component that
 * provides anew: `<RealtimeRoot :key="user.id">`.
 */
export function provideRealtime(options: ProvideRealtimeOptions = {}): RealtimeClient {
  const client = watched(options);
  const { client: given } = options;
  const isInner = inject(CONTEXT, undefined) !== undefined;
  whenMounted(() => {
    if (isInner && !given) warnOfNested("provideRealtime()");
    onScopeDispose(client.watch());
  });
  if (!given) onScopeDispose(client.destroy);
  const instance = getCurrentInstance();
  if (instance) provided.set(instance, client);
  provide(CONTEXT, client);
  return client;
}

/**
 * One connection for a whole application: `app.use(createRealtimePlugin())`. It is destroyed when the application is unmounted. The
 * options are read once; where others are wanted later, use `provideRealtime` in a component.
 */
export function createRealtimePlugin(options: ProvideRealtimeOptions = {}): { install(app: App): void } {
  return {
    install(app) {
      const client = watched(options);
      const { mount, unmount } = app;
      let stop: (() => void) | undefined;
      // On the server nothing is mounted.
      app.mount = (...args) => {
        const mounted = mount(...args);
        stop = client.watch();
        return mounted;
      };
      app.unmount = () => {
        unmount();
        stop?.();
        if (!options.client) client.destroy();
      };
      app.provide(CONTEXT, client);
    },
  };
}

function watched(options: ProvideRealtimeOptions): WatchedClient {
  void warn(async () => (await import("./explain-provided.ts")).explainProvided(options));
  return watchConnection(options.client ?? createRealtimeClient(options), () => options);
}

/** The client of this component, of the nearest one above that provides it, or of the plugin. @throws Error when there is none. */
export function useRealtimeContext(): RealtimeClient {
  const instance = getCurrentInstance();
  const client = (instance && provided.get(instance)) ?? inject<RealtimeClient | undefined>(CONTEXT, undefined);
  if (!client)
    throw new Error(
      "No realtime client found. Call provideRealtime() in a component above, or before, in this one; or app.use(createRealtimePlugin()).",
    );
  return client;
}
