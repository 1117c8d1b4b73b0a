import path from "node:path";
import type { Plugin } from "vite";
import { root } from "../package/installed.ts";
import { installOnce } from "./install-once.ts";

/** Peers that the repository does not install, each by the folder of `test/integration/fixtures` that says which version. */
const PEERS: Readonly<Record<string, string>> = {
  "@upstash/workflow": "upstash-workflow",
  bullmq: "bullmq",
  inngest: "inngest",
};

/** Lets tests import such a peer, and sources that do: it is installed with the first import. */
export function peersPlugin(): Plugin {
  return {
    name: "peers-of-tests",
    enforce: "pre",
    resolveId: {
      filter: { id: new RegExp(`^(${Object.keys(PEERS).join("|")})($|/)`) },
      async handler(id, _importer, options) {
        const peer = Object.keys(PEERS).find((name) => id === name || id.startsWith(`${name}/`)) ?? "";
        const folder = PEERS[peer] ?? "";
        const from = path.join(installOnce(folder, path.join(root, "test/integration/fixtures", folder)), "package.json");
        return await this.resolve(id, from, { ...options, skipSelf: true });
      },
    },
  };
}
