import { once } from "node:events";
import { connect } from "node:net";
import type { Command, Wire } from "./webdriver.ts";

/** Firefox's own wire for WebDriver: messages `<bytes>:<JSON>` over TCP. */
export interface Marionette extends Wire {
  /** Runs a script with the rights of the browser, in the window that was switched to. Not while another command is on its way. */
  runInBrowser(script: string): Promise<unknown>;
  close(): void;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

type Answer = readonly [type: 1, id: number, error: { error: string; message: string } | null, result: object | null];

/** Connects to the Marionette of a browser of this machine. */
export async function connectMarionette(port: number): Promise<Marionette> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  const waiting = new Map<number, Waiting>();
  let buffer = Buffer.alloc(0);
  let sent = 0;

  socket.on("data", (chunk: Buffer) => {
    buffer = Buffer.concat([buffer, chunk]);
    for (;;) {
      const colon = buffer.indexOf(":");
      const end = colon + 1 + Number(buffer.subarray(0, Math.max(colon, 0)).toString());
      if (colon < 0 || buffer.length < end) return;
      settle(JSON.parse(buffer.subarray(colon + 1, end).toString()) as Answer | object);
      buffer = buffer.subarray(end);
    }
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    for (const { reject } of waiting.values()) reject(new Error("Firefox has closed the connection"));
    waiting.clear();
  });

  function settle(message: Answer | object): void {
    // It greets with an object.
    if (!Array.isArray(message)) return;
    const [, id, error, result] = message as unknown as Answer;
    const asked = waiting.get(id);
    waiting.delete(id);
    if (error) asked?.reject(new Error(`Firefox: ${error.error}: ${error.message}`));
    else asked?.resolve(result && "value" in result ? result.value : result);
  }

  const say = (name: string, parameters: object = {}): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (socket.closed) reject(new Error("Firefox has closed the connection"));
      const message = JSON.stringify([0, ++sent, name, parameters]);
      waiting.set(sent, { resolve, reject });
      socket.write(`${Buffer.byteLength(message)}:${message}`);
    });

  return {
    send: (command: Command, parameters) => say(`WebDriver:${command}`, parameters),
    async runInBrowser(script) {
      await say("Marionette:SetContext", { value: "chrome" });
      try {
        return await say("WebDriver:ExecuteScript", { script, args: [] });
      } finally {
        await say("Marionette:SetContext", { value: "content" });
      }
    },
    close: () => void socket.destroy(),
  };
}
