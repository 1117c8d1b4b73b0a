import { streaming } from "./streaming.ts";
import type { Transport } from "./transport.ts";

/** The transport that suits the way. What only some pages need is loaded when they do; where it cannot be had, the usual way has to do. */
export const anyTransport: Transport = async (link) => {
  // oxlint-disable-next-line typescript/await-thenable -- begins in a later turn: who opens a stream does not hold it yet
  const { api, route } = await link.options;
  let transport = streaming;
  try {
    if (route.polls) transport = (await import("./long-polling.ts")).longPolling;
    if (api?.shareTabs) transport = (await import("./shared-tabs.ts")).sharedTabs(transport);
  } catch {
    // A server that was deployed anew may not have it any more.
  }
  return transport(link);
};
