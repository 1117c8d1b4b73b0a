/**
 * A browser as a test sees it, whichever engine is behind it. Launchers: `chromium.ts`, `firefox.ts`, `webkit.ts`. A test imports
 * only the launcher that it uses, so that it runs where the other engines are missing.
 */
import { until } from "../until.ts";

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
   * @throws Error when the expression throws, or when the tab is frozen: it would not answer.
   */
  evaluate<T>(expression: string): Promise<T>;
  /** Resolves with the expression's value as soon as it is truthy. Exceptions mean "not yet". @throws Error after 20 s */
  until<T>(expression: string): Promise<T>;
  /** What the page's scripts have written to the console since it loaded, if it began with {@link RECORD_CONSOLE}. */
  console(): Promise<string[]>;
  /** Leaves for another page, and waits until that has loaded. */
  goto(url: string): Promise<void>;
  reload(): Promise<void>;
  /**
   * Lets the page do nothing any more. Chromium freezes a tab that is hidden, as it does by itself in the background; the others stop
   * the process of the page, as sleep does.
   */
  freeze(): Promise<void>;
  /** Lets it go on, and be seen again. */
  thaw(): Promise<void>;
  /**
   * Ends the page as a crash does: nothing of it is told that it ends. All that can be done with the tab afterwards is to close it.
   * Not in WebKit, whose driver lets go of the whole browser when a page crashes.
   */
  crash?(): Promise<void>;
  /** Closes the tab as a user does; a crashed one, too. Safe to call twice. */
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

/** What a tab can do because it can evaluate expressions. */
export function byEvaluating(evaluate: Tab["evaluate"]): Pick<Tab, "until" | "console"> {
  return {
    async until<T>(expression: string) {
      const ask = async (): Promise<{ value: T } | undefined> => {
        const value = await evaluate<T>(expression);
        return value ? { value } : undefined;
      };
      return (await until(expression, ask, { everyMs: 25 })).value;
    },
    console: () => evaluate("globalThis.recordedConsole ?? []"),
  };
}
