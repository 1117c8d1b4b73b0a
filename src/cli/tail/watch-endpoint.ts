import { createRealtimeClient, type RealtimeClient } from "../../client/core.ts";
import { aborted, gapNote, type Watcher } from "./watcher.ts";

/** Which endpoint, and as whom. */
export interface EndpointPlace {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Watches channels of an endpoint, as a browser does. Each has a client of its own, so that one which is refused is told by its name.
 * @returns whether any could be read
 */
export async function watchEndpoint(watcher: Watcher, place: EndpointPlace): Promise<boolean> {
  const { channels, signal } = watcher;
  const clients: RealtimeClient[] = [];
  try {
    const refusals = channels.map(
      (channel) => new Promise<void>((resolve) => clients.push(watchChannel(channel, { watcher, place, refused: resolve }))),
    );
    await Promise.race([aborted(signal), Promise.all(refusals)]);
    return signal.aborted;
  } finally {
    for (const client of clients) client.destroy();
  }
}

interface Watched {
  readonly watcher: Watcher;
  readonly place: EndpointPlace;
  /** Called when the endpoint does not give the channel, and will not. */
  refused(): void;
}

function watchChannel(channel: string, { watcher, place: { url, headers }, refused }: Watched): RealtimeClient {
  const { history, after, events, signal, show, note } = watcher;
  let refusal = "the endpoint does not give it";
  let told = "";
  /** What is tried again says the same each time. */
  const once = (text: string): void => {
    if (text !== told && !signal.aborted) note(`${channel}: ${text}`);
    told = text;
  };

  const client = createRealtimeClient({
    api: { url, headers },
    async fetch(...request) {
      const response = await fetch(...request).catch((error: unknown) => {
        // A request of ours that is not wanted any more is no trouble.
        if ((error as Error).name !== "AbortError") once(`the endpoint did not answer, and is asked again: ${causeOf(error)}`);
        throw error;
      });
      const type = response.headers.get("content-type") ?? "no content type";
      if (!response.ok) {
        const text = await beginningOf(response);
        refusal = `the endpoint answered ${response.status}${reasonIn(text)}`;
        if (PASSING(response.status)) once(`${refusal}, and is asked again`);
        return new Response(text || null, { status: response.status, headers: response.headers });
      }
      if (!/^(text\/event-stream|application\/json)\b/.test(type)) {
        once(`the endpoint answered with ${type}: does \`handle\` answer at this address?`);
      }
      return response;
    },
  });
  client.subscribe({
    channels: [channel],
    ...(history !== undefined && { history }),
    ...(after !== undefined && { after }),
    ...(events !== undefined && { events }),
    onData: show,
    onGap: (gap) => note(gapNote(gap)),
  });
  let wasConnected = false;
  client.subscribeStatus((status) => {
    if (status === "error") {
      once(refusal);
      refused();
    } else if (status === "connected") {
      if (wasConnected && told !== "") note(`${channel}: connected again`);
      wasConnected = true;
      told = "";
    } else if (status === "disconnected" && wasConnected && told === "") {
      once("the connection is lost, and will be made again");
    }
  });
  return client;
}

/** Statuses after which the client asks again. */
const PASSING = (status: number): boolean => status >= 500 || [408, 425, 429].includes(status);

/** Fetch itself says only that it failed. */
function causeOf(error: unknown): string {
  const { cause, message } = error as Error & { readonly cause?: { readonly code?: string; readonly message?: string } };
  return cause?.message || (cause?.code ?? message);
}

/** How long the words of a refusal are waited for, in milliseconds. */
const REASON_MS = 2_000;
/** So many bytes of them are read, or a few more: whoever answers may never end. */
const REASON_BYTES = 16_384;

/** How the text of a refusal begins; nothing more is read of it. */
async function beginningOf({ body }: Response): Promise<string> {
  if (!body) return "";
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), REASON_MS)));
  try {
    while (text.length < REASON_BYTES) {
      // oxlint-disable-next-line no-await-in-loop -- one part after the other
      const part = await Promise.race([reader.read(), late]);
      if (!part?.value) break;
      text += decoder.decode(part.value, { stream: true });
    }
  } catch {
    // It ends here.
  }
  clearTimeout(timer);
  reader.cancel().catch(() => {});
  return text;
}

/** What a refusal says: the code and sentence of `handle`, or how the text of a middleware begins. */
function reasonIn(text: string): string {
  try {
    const { code, message } = JSON.parse(text) as { readonly code?: unknown; readonly message?: unknown };
    if (typeof code === "string" && typeof message === "string") return ` (${code}): ${message.replace(/^tidings: /, "")}`;
  } catch {
    // It is no answer of ours.
  }
  return text && `: ${text.slice(0, 200)}`;
}
