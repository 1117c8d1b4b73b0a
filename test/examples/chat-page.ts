import type { Browser, Page } from "playwright-core";
import { expect, onTestFinished, vi } from "vitest";
import type { TcpProxy } from "../support/tcp-proxy.ts";

/** The page of an example, in a browser of its own. */
export interface ChatPage {
  readonly page: Page;
  /** What it complained of: errors and warnings in the console, and what nobody caught. */
  readonly complaints: readonly string[];
  /** How many streams it has asked for. */
  streams(): number;
  /** The scripts that it has loaded. */
  scripts(): ReadonlyArray<Promise<string>>;
  /** Writes a message and sends it with the page's button. */
  send(text: string): Promise<void>;
  /** The messages on the page, in order. */
  messages(): Promise<string[]>;
  /** Waits until these are the messages on the page, no more and in this order. */
  shows(messages: readonly string[]): Promise<void>;
  status(): Promise<string | null>;
  /** Waits until the page says so, or no longer says so. */
  saysConnected(connected?: boolean): Promise<void>;
}

/** How {@link openChat} opens a page. */
export interface OpenChatOptions {
  /** By this name a proxy tells its connections from others. */
  readonly userAgent: string;
  /** What is to be done before the address is asked for. */
  readonly before?: (page: Page) => Promise<unknown>;
}

/** The requests for a stream. */
export const STREAM = "**/api/realtime?*";

/** A page whose network is gone complains of that. */
const NETWORK = /net::ERR_/;

/** Opens the page, with a cache and connections of its own. */
export async function openChat(browser: Browser, url: string, { userAgent, before }: OpenChatOptions): Promise<ChatPage> {
  const context = await browser.newContext({ userAgent, colorScheme: "light" });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  const scripts: Array<Promise<string>> = [];
  let streams = 0;
  page.on("request", (request) => {
    if (request.url().includes("/api/realtime?")) streams++;
  });
  page.on("response", (response) => {
    // One that was loaded before has not been modified, and has no body.
    if (response.request().resourceType() === "script" && response.ok()) scripts.push(response.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !NETWORK.test(message.text())) complaints.push(message.text());
  });
  await before?.(page);
  await page.goto(url);

  const status = (): Promise<string | null> => page.getByRole("status").textContent();
  const messages = async (): Promise<string[]> =>
    (await page.locator("li").allInnerTexts()).map((text) => text.replaceAll(/\s+/g, " "));
  return {
    page,
    complaints,
    streams: () => streams,
    scripts: () => scripts,
    status,
    messages,
    async send(text) {
      await page.getByLabel("Message").fill(text);
      await page.getByRole("button", { name: "Send" }).click();
    },
    shows: (wanted) => vi.waitFor(async () => expect(await messages()).toEqual(wanted)),
    saysConnected: (connected = true) =>
      vi.waitFor(async () => expect((await status())?.trim() === "connected").toBe(connected), { timeout: 45_000 }),
  };
}

/** Keeps a browser away from the server, by its name. Others pass through the same proxy. */
export interface Barrier {
  /** Cuts what it has open, and whatever it opens from now on. */
  cut(): void;
  admit(): void;
}

export function barrierFor(proxy: TcpProxy, userAgent: string): Barrier {
  let away = false;
  const isKeptAway = (connection: { readonly sent: string }): boolean => away && connection.sent.includes(userAgent);
  proxy.delays = (connection) => {
    if (isKeptAway(connection)) connection.cut();
    return {};
  };
  return {
    cut() {
      away = true;
      for (const connection of proxy.connections) if (isKeptAway(connection)) connection.cut();
    },
    admit() {
      away = false;
    },
  };
}
