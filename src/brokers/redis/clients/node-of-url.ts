import { TidingsError } from "../../../protocol/error.ts";
import type { RedisNode } from "../connections/driver.ts";

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
