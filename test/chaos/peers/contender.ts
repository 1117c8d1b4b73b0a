import { readFileSync } from "node:fs";
import path from "node:path";
import { root } from "../../package/installed.ts";
import { installOnce } from "../../support/install-once.ts";

/** A library, with a server and a page as its documentation has them. */
export interface Contender {
  /** What it is called in the tables, with its version. */
  readonly name: string;
  /** Its server, which runs in processes of its own; see `peer-process.mjs`. */
  readonly server: string;
  /** The script of its page, which runs in Chromium with the library's own client. */
  readonly page: string;
  /** Whether it finds Redis over REST only. */
  readonly overRest?: boolean;
}

const FIXTURES = path.join(root, "test/chaos/fixtures/peers");

/** What the repository does not install comes at its first use. @returns where it lies. */
export const installPeers = (): string => installOnce("peers", path.join(FIXTURES, "packages"));

/** Those that stand side by side, in the order of the tables. */
export function contenders(): Contender[] {
  const peers = installPeers();
  const socketIo = `Socket.IO ${versionOf("socket.io", peers)}, Redis streams adapter ${versionOf("@socket.io/redis-streams-adapter", peers)}`;
  return [
    { name: "tidings", ...partsOf("tidings") },
    { name: socketIo, ...partsOf("socket-io") },
    { name: `forrealtime ${versionOf("forrealtime")}`, ...partsOf("forrealtime", "page.tsx") },
    {
      name: `@upstash/realtime ${versionOf("@upstash/realtime")}`,
      ...partsOf("upstash-realtime", "page.tsx"),
      overRest: true,
    },
    { name: "EventSource, Redis pub/sub", ...partsOf("eventsource") },
    { name: "EventSource, `id:` and a Redis stream", ...partsOf("eventsource-replay", "../eventsource/page.ts") },
  ];
}

function partsOf(folder: string, page = "page.ts"): Pick<Contender, "server" | "page"> {
  return { server: path.join(FIXTURES, folder, "server.mjs"), page: path.join(FIXTURES, folder, page) };
}

function versionOf(name: string, folder = root): string {
  const { version } = JSON.parse(readFileSync(path.join(folder, "node_modules", name, "package.json"), "utf8")) as {
    version: string;
  };
  return version.replace(/^v/, "");
}
