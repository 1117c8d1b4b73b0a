import { streaming } from "./streaming.ts";
import type { Transport, TransportOptions } from "./transport.ts";

/** The transport for the next stream. What only some pages need is loaded when they do; where it cannot be had, the usual way has to do. */
export async function chooseTransport({ api, route }: TransportOptions): Promise<Transport> {
  try {
    if (api?.shareTabs) return (await import("./shared-tabs.ts")).sharedTabs;
    if (route.polls) return (await import("./long-polling.ts")).longPolling;
  } catch {
    // A server that was deployed anew may not have it any more.
  }
  return streaming;
}
