/**
 * A browser as a test sees it, whichever engine is behind it. Launchers: `chromium.ts`, `firefox.ts`, `webkit.ts`. A test imports
 * only the launcher that it uses, so that it runs where the other engines are missing.
 */
import { until } from "../until.ts";

/** Starts an engine with a profile of its own. */
export type LaunchEngine = () => Promise<Engine>;

/** One running browser with one profile: its tabs share storage, Web Locks and BroadcastChannels. */
export interface Engine extends AsyncDisposable {
  /** Opens a tab in a window of its own, so that no tab hides another, and waits until its page has loaded. */
  newTab(url: string): Promise<Tab>;
  /** Ends the browser with all its processes, frozen ones included. Safe to call twice. */
  close(): Promise<void>;
}

/** One page. */
export interface Tab {
  /**
   * The value of an expression in the page, once it is settled. It has to be JSON; `undefined` becomes `null`.
   *
   * @throws Error when the expression throws. A frozen tab does not answer: thaw it first.
   */
  evaluate<T>(expression: string): Promise<T>;
  /** Resolves with the expression's value as soon as it is truthy. Exceptions mean "not yet". @throws Error after 20 s */
  until<T>(expression: string): Promise<T>;
  /** What the page's scripts have written to the console since it loaded, if it began with {@link RECORD_CONSOLE}. */
  console(): Promise<string[]>;
  /** Leaves for another page, and waits until that has loaded. */
  goto(url: string): Promise<void>;
  reload(): Promise<void>;
  /** Lets the page do nothing any more, as a browser does to a tab in the background, or as sleep does to all of them. */
  freeze(): Promise<void>;
  /** Lets it go on. */
  thaw(): Promise<void>;
  /** Ends the page as a crash does: nothing of it is told that it ends. All that can be done with the tab afterwards is to close it. */
  crash(): Promise<void>;
  /** Closes the tab as a user does. */
  close(): Promise<void>;
}

/** The script that a page has to begin with for {@link Tab.console}: not every engine tells others what a page writes. */
export const RECORD_CONSOLE: string = `
  globalThis.recordedConsole = [];
  for (const level of ["log", "info", "warn", "error"]) {
    const write = console[level];
    console[level] = (...words) => {
      recordedConsole.push(level + ": " + words.map(String).join(" "));
      write.apply(console, words);
    };
  }`;

/** The source of {@link Tab.console}. */
export const RECORDED_CONSOLE = "globalThis.recordedConsole ?? []";

/** {@link Tab.until} by {@link Tab.evaluate}. */
export function untilTruthy<T>(tab: Pick<Tab, "evaluate">, expression: string): Promise<T> {
  return until(
    expression,
    async () => {
      const value = await tab.evaluate<T>(expression);
      return value ? { value } : undefined;
    },
    { everyMs: 25 },
  ).then(({ value }) => value);
}
