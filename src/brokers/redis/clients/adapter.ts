import { TidingsError } from "../../../protocol/error.ts";
import { isKeyPrefix, KEY_PREFIX_GRAMMAR } from "../../../protocol/names.ts";
import { refuseUnknownOptions } from "../../../protocol/unknown-options.ts";
import type { RedisAdapter } from "../../four-method/adapter.ts";
import { fourMethods, type RedisCommand } from "../../four-method/four-methods.ts";
import type { RedisSource } from "../transport.ts";

/** What an adapter for a Redis client carries: the way to the server, and the key prefix if the adapter was given one. */
export interface RedisAdapterParts {
  readonly source: RedisSource;
  readonly keyPrefix: string | undefined;
}

/** Registered, so that an adapter of one bundle works with the `Realtime` of another. */
const REDIS_ADAPTER: unique symbol = Symbol.for("tidings.redis-adapter") as never;

/**
 * What `createIORedisAdapter` and its like return. Pass it as `redis`: then channels take the same way as with the client itself. The
 * four documented methods use the client that was passed in; below the adapter's `keyPrefix`, if it has one.
 */
export interface RedisClientAdapter extends RedisAdapter {
  readonly [REDIS_ADAPTER]: RedisAdapterParts;
}

/** Options that all adapter functions take. */
export interface ClientAdapterOptions {
  /** Begins the name of every key, below the client's own prefix. Without braces. @default the `keyPrefix` of `Realtime` */
  readonly keyPrefix?: string | undefined;
}

interface ClientAdapterInit<O extends ClientAdapterOptions> {
  /** The function that the user called. */
  readonly name: string;
  readonly options: O;
  readonly known: Readonly<Record<keyof O, true>>;
  readonly createSource: () => RedisSource;
  /** Sends a command on the user's own client. */
  readonly command: RedisCommand;
}

/** @throws TidingsError `bad_option` */
export function createClientAdapter<O extends ClientAdapterOptions>(init: ClientAdapterInit<O>): RedisClientAdapter {
  const { name, options, known, createSource, command } = init;
  if (typeof options !== "object" || options === null) {
    throw new TidingsError(
      "bad_option",
      `\`${name}(client, …)\` takes { ${Object.keys(known).join(", ")} }; it got something else.`,
    );
  }
  refuseUnknownOptions(`\`${name}(client, …)\``, options, known);
  const { keyPrefix } = options;
  if (keyPrefix !== undefined && !isKeyPrefix(keyPrefix)) {
    throw new TidingsError("bad_option", `\`keyPrefix\` of \`${name}\` takes ${KEY_PREFIX_GRAMMAR}.`);
  }
  const source = createSource();
  return {
    ...fourMethods(command, {
      prefix: keyPrefix === undefined ? "" : `${keyPrefix}:`,
      clientPrefix: source.keyPrefix,
      isCluster: source.isCluster,
    }),
    [REDIS_ADAPTER]: { source, keyPrefix },
  };
}

/** The parts of a value that came from one of our adapter functions. */
export function redisAdapterParts(value: unknown): RedisAdapterParts | undefined {
  if (typeof value !== "object" || value === null || !(REDIS_ADAPTER in value)) return undefined;
  return value[REDIS_ADAPTER] as RedisAdapterParts;
}
