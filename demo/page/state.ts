/** What the demo's front tells of itself: the pulse of the page. */
export interface DemoState {
  /** Names the run of the demo: another one has numbers of its own. */
  readonly run: string;
  /** The number of the last order that was placed. */
  readonly placed: number;
  /** Numbers of which nobody knows whether their order was stored. */
  readonly unknown: readonly number[];
  readonly redis: boolean;
  readonly paused: boolean;
  readonly restarting: boolean;
  readonly keepsFew: boolean;
  readonly servers: ReadonlyArray<{ readonly name: string; readonly port: number; readonly up: boolean }>;
  readonly phones: ReadonlyArray<{
    readonly phone: string;
    readonly server: string;
    readonly cut: boolean;
    /** How long the cut still lasts. */
    readonly cutMs: number;
  }>;
  /** Gzipped bytes of tidings in this page. */
  readonly tidingsBytes: number;
}

export async function getJson<T>(path: string): Promise<T> {
  const response = await fetch(path, { cache: "no-store" });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return (await response.json()) as T;
}

export function postJson(path: string, body: object): Promise<Response> {
  return fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}

const EVERY_MS = 500;

/** Asks for the state again and again. @returns asks at once */
export function watchState(tell: (state: DemoState | undefined) => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asks = 0;
  async function ask(): Promise<void> {
    clearTimeout(timer);
    const number = ++asks;
    const state = await getJson<DemoState>("/demo/state").catch(() => undefined);
    // A newer question is on its way.
    if (number !== asks) return;
    tell(state);
    timer = setTimeout(() => void ask(), EVERY_MS);
  }
  void ask();
  return () => void ask();
}
