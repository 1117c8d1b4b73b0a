/** What Firefox and WebKit have in common: WebDriver, which they speak over different wires. */
import { byEvaluating, type Tab } from "./engine.ts";

/** The commands that are used here, by the names that the WebDriver standard and Marionette have for them. */
export type Command =
  | "NewSession"
  | "GetWindowHandle"
  | "NewWindow"
  | "SwitchToWindow"
  | "Navigate"
  | "Refresh"
  | "ExecuteScript"
  | "CloseWindow";

/** A way to say a command to a browser. */
export interface Wire {
  /** @throws Error with the browser's words */
  send(command: Command, parameters?: object): Promise<unknown>;
}

/** One session. Its commands go to whichever window was switched to last, so those of a tab are said together or not at all. */
export class WebDriver {
  readonly #wire: Wire;
  #last: Promise<unknown> = Promise.resolve();
  #home = "";

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** Begins the session. The window that it begins with stays, and is nobody's tab. */
  async begin(): Promise<void> {
    await this.#wire.send("NewSession", { capabilities: {} });
    this.#home = (await this.#wire.send("GetWindowHandle")) as string;
  }

  /** Runs `use` in a window when all that was asked for before is done. @param handle the window that always is there, unless given */
  in<T>(use: (wire: Wire) => Promise<T>, handle: string = this.#home): Promise<T> {
    const run = this.#last.then(async () => {
      await this.#wire.send("SwitchToWindow", { handle, focus: false });
      return await use(this.#wire);
    });
    this.#last = run.catch(() => {});
    return run;
  }

  /** Opens a page in a window. */
  async openTab(handle: string, url: string, page: PageProcess): Promise<Tab> {
    const tab = createTab(this, handle, page);
    await tab.goto(url);
    return tab;
  }
}

/** Opens an empty window. @returns its handle */
export async function newWindow(wire: Wire): Promise<string> {
  return ((await wire.send("NewWindow", { type: "window" })) as { handle: string }).handle;
}

/** What the WebDriver standard has no words for. */
export interface PageProcess {
  /** The process that runs the page. */
  pid(): Promise<number>;
  /** Whether the browser outlives its end. */
  readonly canCrash: boolean;
}

function createTab(driver: WebDriver, handle: string, page: PageProcess): Tab {
  let frozen: number | undefined;
  let closed = false;

  function run<T>(use: (wire: Wire) => Promise<T>): Promise<T> {
    // It would not answer, and all other tabs would wait behind it.
    return frozen === undefined ? driver.in(use, handle) : Promise.reject(new Error("the tab is frozen"));
  }

  async function evaluate<T>(expression: string): Promise<T> {
    // By the page's own `eval`: a script of Firefox's WebDriver has globals of its own.
    const source = `(async () => JSON.stringify((await (${expression})) ?? null))()`;
    const script = { script: "return window.eval(arguments[0])", args: [source] };
    return JSON.parse((await run((wire) => wire.send("ExecuteScript", script))) as string) as T;
  }

  async function thaw(): Promise<void> {
    if (frozen !== undefined) process.kill(frozen, "SIGCONT");
    frozen = undefined;
  }

  const crash = async (): Promise<void> => {
    process.kill(frozen ?? (await page.pid()), "SIGKILL");
    frozen = undefined;
  };

  return {
    ...byEvaluating(evaluate),
    evaluate,
    goto: async (url) => void (await run((wire) => wire.send("Navigate", { url }))),
    reload: async () => void (await run((wire) => wire.send("Refresh"))),
    async freeze() {
      const pid = await page.pid();
      process.kill(pid, "SIGSTOP");
      frozen = pid;
    },
    thaw,
    ...(page.canCrash && { crash }),
    async close() {
      if (closed) return;
      closed = true;
      await thaw();
      await run((wire) => wire.send("CloseWindow"));
    },
  };
}
