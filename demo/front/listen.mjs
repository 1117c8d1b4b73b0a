// @ts-check
/** Takes the port: the one that was asked for, or the first free one from 3000 on. */
import { createServer } from "node:http";

/** @import { RequestListener, Server } from "node:http" */

const FIRST_PORT = 3000;
const LAST_PORT = 3099;

/** A mistake of whoever started the demo, in one sentence. */
export class Refusal extends Error {}

/**
 * Listens, and says where.
 * @param {{ readonly PORT?: string | undefined, readonly HOST?: string | undefined }} env
 * @param {RequestListener} serve
 * @returns {Promise<{ servers: Server[], port: number, url: string }>}
 */
export async function listen({ PORT, HOST }, serve) {
  const host = HOST || "localhost";
  // "localhost" is two addresses, and a browser may try either first.
  const hosts = host === "localhost" ? ["127.0.0.1", "::1"] : [host];
  const asked = PORT ? Number(PORT) : undefined;
  if (asked !== undefined && !(Number.isInteger(asked) && asked >= 0 && asked <= 65_535)) {
    throw new Refusal(`PORT is "${PORT}", which is not a port: give a number from 1 to 65535.`);
  }
  for (let port = asked ?? FIRST_PORT; port <= (asked ?? LAST_PORT); port += 1) {
    let servers = await listenOn(hosts, port, serve);
    // Any free port will do, so one that is free on both addresses.
    for (let tries = 0; port === 0 && !servers && tries < 10; tries += 1) servers = await listenOn(hosts, port, serve);
    if (!servers) continue;
    const taken = portOf(servers);
    const shown = host === "0.0.0.0" || host === "::" ? "localhost" : host.includes(":") ? `[${host}]` : host;
    return { servers, port: taken, url: `http://${shown}:${taken}` };
  }
  throw new Refusal(
    asked === undefined
      ? `all ports from ${FIRST_PORT} to ${LAST_PORT} are taken: name a free one with PORT=….`
      : `port ${asked} is taken: name another with PORT=…, or leave PORT out to take the next free one.`,
  );
}

/**
 * @param {readonly string[]} hosts
 * @param {number} port
 * @param {RequestListener} serve
 * @returns {Promise<Server[] | undefined>} nothing when the port is taken on one of them
 */
async function listenOn(hosts, port, serve) {
  /** @type {Server[]} */
  const servers = [];
  for (const host of hosts) {
    const server = createServer(serve);
    const code = await new Promise((/** @type {(code: string | undefined) => void} */ resolve) => {
      server.once("error", (/** @type {NodeJS.ErrnoException} */ error) => resolve(error.code ?? error.message));
      server.listen(portOf(servers) || port, host, () => resolve(undefined));
    });
    if (code === undefined) servers.push(server);
    else if (code === "EADDRINUSE") {
      for (const other of servers) other.close();
      return undefined;
    } else if (code === "EACCES")
      throw new Refusal(`port ${port} needs rights that you do not have: name another with PORT=….`);
    else if (servers.length === 0) throw new Refusal(`HOST is "${host}", where nothing can listen (${code}).`);
    // Else there is no IPv6 here, and IPv4 alone will do.
  }
  return servers;
}

/** @param {readonly Server[]} servers */
function portOf(servers) {
  const address = servers[0]?.address();
  return typeof address === "object" && address ? address.port : 0;
}
