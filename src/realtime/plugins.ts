import { TidingsError } from "../protocol/error.ts";
import type { RealtimeLogger } from "./internals.ts";

/** What a plugin is given when its `Realtime` is constructed. */
export interface RealtimePluginContext {
  /** Emits an event on any channel, with the checks of `channel(…).emit`. */
  emit(channel: string, event: string, data: unknown): Promise<void>;
  /** Silent unless the instance is `verbose`. */
  readonly logger: RealtimeLogger;
}

/** Extends a `Realtime` with methods of its own. */
export interface RealtimePlugin<Api extends object> {
  readonly name: string;
  /** Runs in the constructor; `api` is merged into the instance. */
  init(context: RealtimePluginContext): { readonly api: Api };
}

/** The methods that the plugins of the options `O` add. */
export type PluginApis<O> = O extends { readonly plugins: infer P extends readonly unknown[] }
  ? UnionToIntersection<ApiOf<P[number]>>
  : object;

type ApiOf<P> = P extends RealtimePlugin<infer Api> ? Api : never;
type UnionToIntersection<U> = [U] extends [never]
  ? object
  : (U extends unknown ? (of: U) => void : never) extends (of: infer I) => void
    ? I
    : never;

/** Runs the plugins and merges their APIs into `target`. @throws TidingsError `bad_option` when a name is taken already. */
export function installPlugins(
  target: object,
  plugins: readonly RealtimePlugin<object>[],
  context: RealtimePluginContext,
): void {
  for (const plugin of plugins) {
    if (typeof plugin?.init !== "function")
      throw new TidingsError("bad_option", "`plugins` holds something without `init`. Did you forget to call the plugin?");
    const { api } = plugin.init(context);
    for (const [name, member] of Object.entries(api)) {
      if (name in target)
        throw new TidingsError("bad_option", `plugin "${plugin.name}" adds \`${name}\`, which the instance has already.`);
      Object.defineProperty(target, name, { value: member, enumerable: true });
    }
  }
}

/** A logger that says nothing. */
export const silentLogger: RealtimeLogger = { log() {}, warn() {}, error() {} };
