import { TidingsError } from "../../../protocol/error.ts";
import type { RedisDriver, RedisNode } from "../connections/driver.ts";

/** What a client library was told about its server, however it calls that. */
export interface ServerDescription {
  /** The server, servers or socket, without database. */
  readonly server: string;
  readonly db?: number | undefined;
  readonly isCluster?: boolean;
  readonly tls?: unknown;
  readonly username?: string | null | undefined;
  readonly password?: string | null | undefined;
  readonly keyPrefix?: unknown;
}

/** What every driver says of the server that its connections lead to. @throws TidingsError `bad_option` */
export function describeServer(description: ServerDescription): Omit<RedisDriver, "connect"> {
  const { server, db = 0, isCluster = false, tls, username, password, keyPrefix } = description;
  if (typeof (keyPrefix ?? "") !== "string") {
    throw new TidingsError("bad_option", "the `keyPrefix` of the Redis client is not a string. Make it one.");
  }
  const address = isCluster ? server : `${server}/${db}`;
  const scheme = `${tls ? "rediss" : "redis"}${isCluster ? "-cluster" : ""}`;
  return {
    identity: `${scheme}://${username ? `${username}@` : ""}${address}`,
    address,
    password: password ?? undefined,
    keyPrefix: (keyPrefix ?? "") as string,
    db,
  };
}

/** `host:port`. */
export function addressOf({ host = "localhost", port }: Partial<RedisNode>, defaultPort = 6_379): string {
  return `${host}:${port ?? defaultPort}`;
}

/** The server that a URL names. @throws TidingsError `bad_option` for a text that is no URL */
export function nodeOfUrl(url: string): RedisNode {
  if (!URL.canParse(url)) {
    throw new TidingsError(
      "bad_option",
      "a node of the Redis Cluster is given by a URL that is none. It looks like redis://host:6379.",
    );
  }
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(port || 6_379) };
}
