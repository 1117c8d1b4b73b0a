/** What Firefox and WebKit have in common: WebDriver, which they speak over different wires. */
import { RECORDED_CONSOLE, untilTruthy, type Tab } from "./engine.ts";

/** The commands that are used here, by the names that the WebDriver standard and Marionette have for them. */
export type Command = "NewSession" | "NewWindow" | "SwitchToWindow" | "Navigate" | "Refresh" | "ExecuteScript" | "CloseWindow";

/** A way to say a command to a browser. */
export interface Wire {
  /** @throws Error with the browser's words */
  send(command: Command, parameters?: object): Promise<unknown>;
}

/** One session. Its commands go to whichever window was switched to last, so those of a tab are said together or not at all. */
export class WebDriver {
  readonly #wire: Wire;
  #last: Promise<unknown> = Promise.resolve();

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** Begins the session. A browser that cannot do so says why. */
  async begin(): Promise<void> {
    await this.#wire.send("NewSession", { capabilities: { alwaysMatch: { acceptInsecureCerts: true } } });
  }

  /** Runs `use` when all that was asked for before is done. */
  alone<T>(use: (wire: Wire) => Promise<T>): Promise<T> {
    const run = this.#last.then(() => use(this.#wire));
    this.#last = run.catch(() => {});
    return run;
  }

  /** Runs `use` in a window. */
  in<T>(handle: string, use: (wire: Wire) => Promise<T>): Promise<T> {
    return this.alone(async (wire) => {
      await wire.send("SwitchToWindow", { handle, focus: false });
      return await use(wire);
    });
  }

  /** Opens a page in a window. @param processOf tells which process runs it: the standard has no words for that */
  async openTab(handle: string, url: string, processOf: () => Promise<number>): Promise<Tab> {
    const tab = new WebDriverTab(this, handle, processOf);
    await tab.goto(url);
    return tab;
  }
}

class WebDriverTab implements Tab {
  readonly #driver: WebDriver;
  readonly #handle: string;
  readonly #processOf: () => Promise<number>;
  #frozen: number | undefined;

  constructor(driver: WebDriver, handle: string, processOf: () => Promise<number>) {
    this.#driver = driver;
    this.#handle = handle;
    this.#processOf = processOf;
  }

  async evaluate<T>(expression: string): Promise<T> {
    // By the page's own `eval`: a script of Firefox's WebDriver has globals of its own. As text: what is no JSON fails alike everywhere.
    const source = `(async () => JSON.stringify((await (${expression})) ?? null))()`;
    const text = await this.#in((wire) =>
      wire.send("ExecuteScript", { script: "return window.eval(arguments[0])", args: [source] }),
    );
    return JSON.parse(text as string) as T;
  }

  until<T>(expression: string): Promise<T> {
    return untilTruthy(this, expression);
  }

  console(): Promise<string[]> {
    return this.evaluate(RECORDED_CONSOLE);
  }

  async goto(url: string): Promise<void> {
    await this.#in((wire) => wire.send("Navigate", { url }));
  }

  async reload(): Promise<void> {
    await this.#in((wire) => wire.send("Refresh"));
  }

  async freeze(): Promise<void> {
    const pid = await this.#processOf();
    process.kill(pid, "SIGSTOP");
    this.#frozen = pid;
  }

  async thaw(): Promise<void> {
    if (this.#frozen !== undefined) process.kill(this.#frozen, "SIGCONT");
    this.#frozen = undefined;
  }

  async crash(): Promise<void> {
    const pid = this.#frozen ?? (await this.#processOf());
    process.kill(pid, "SIGKILL");
    this.#frozen = undefined;
  }

  async close(): Promise<void> {
    await this.thaw();
    await this.#in((wire) => wire.send("CloseWindow"));
  }

  #in<T>(use: (wire: Wire) => Promise<T>): Promise<T> {
    // It would not answer, and all other tabs would wait behind it.
    if (this.#frozen !== undefined) return Promise.reject(new Error("the tab is frozen"));
    return this.#driver.in(this.#handle, use);
  }
}
