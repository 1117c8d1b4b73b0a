import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { followOptions, selectionOf } from "./bindings/follow.ts";
import { createFoldedState } from "./bindings/folded-state.ts";
import { createRealtimeClient } from "./client.ts";
import {
  explainAfter,
  explainChannels,
  explainClient,
  explainSubscribe,
  explainUseRealtime,
  explainUseRealtimeState,
} from "./explain-options.ts";
import type { ClientSubscribeOptions } from "./options.ts";

const warned = vi.spyOn(console, "warn");
const printed = (part: string): Promise<void> =>
  vi.waitFor(() => expect(warned.mock.calls.flat()).toContainEqual(expect.stringContaining(part)));

beforeEach(() => void warned.mockReset().mockReturnValue());
afterEach(() => vi.unstubAllEnvs());

const subscribing = (options: ClientSubscribeOptions): string => explainSubscribe(options, options.channels ?? ["default"]);

/** As JavaScript gives them. */
const untyped = (options: object): never => options as never;

it("U-28: has a sentence for each of the three mistakes with `after`", () => {
  expect(explainAfter({ cursor: 42, isCursor: false, history: undefined, channels: ["a"] })).toBe(
    "`after` is 42, which is no cursor. Pass `await channel.cursor()` or an event's id, not an id of your database.",
  );
  expect(explainAfter({ cursor: "01JD", isCursor: false, history: true, channels: ["a"] })).toContain(
    '`after` is "01JD", which is no cursor',
  );
  expect(explainAfter({ cursor: 10n, isCursor: false, history: undefined, channels: ["a"] })).toContain(
    "`after` is 10, which is no cursor",
  );
  expect(explainAfter({ cursor: "1-0", isCursor: true, history: true, channels: ["a"] })).toContain(
    "`after` and `history` are given together",
  );
  expect(explainAfter({ cursor: "1-0", isCursor: true, history: undefined, channels: ["a", "b"] })).toContain(
    'after: { "a": …, "b": … }',
  );
});

it("says that an entry of `after` is for no channel, when a channel has none", () => {
  expect(subscribing({ channels: ["room:1"], after: { "room:2": "1-0" } })).toBe(
    '`after` has an entry for "room:2", which is not in `channels`, and none for "room:1", which therefore begins now.',
  );
  expect(subscribing({ after: { room: "1-0" } })).toContain('none for "default"');
  // Kept for more channels than are wanted now; and one that is to begin now.
  expect(subscribing({ channels: ["a", undefined, ""], after: { a: "1-0", b: "1-0" } })).toBe("");
  expect(subscribing({ channels: ["a", "b"], after: { a: "1-0" } })).toBe("");
});

it("says that an option does not exist, and which one was meant", () => {
  expect(subscribing(untyped({ channel: "room" }))).toBe(
    "`channel` is no option of subscribe, and is ignored. Did you mean `channels`?",
  );
  expect(subscribing(untyped({ enabled: false }))).toContain("`enabled` is no option of subscribe, and is ignored. It takes ");
  expect(explainUseRealtime({ enabled: false, channels: ["a"] })).toBe("");
  expect(explainUseRealtime(untyped({ event: "a.b" }))).toContain("Did you mean `events`?");
  expect(explainUseRealtimeState({ channel: "a", initial: 0, reducer: () => 0 })).toContain("Did you mean `reduce`?");
  expect(explainUseRealtimeState({ channel: "a", initial: 0, reduce: () => 0, after: undefined })).toBe("");
});

it("says that a text is no list of channels", () => {
  expect(subscribing(untyped({ channels: "room" }))).toContain('Write channels: ["room"].');
  expect(explainChannels("room")).toContain('Write channels: ["room"].');
});

it("says what goes under `api`", () => {
  expect(explainClient({ url: "/events" })).toContain("`url` goes under `api`: { api: { url } }.");
  expect(explainClient({ maxReconnectAttempt: 3 })).toContain("Did you mean `maxReconnectAttempts`?");
  expect(explainClient({ api: { url: "/events" }, onConnectionLost: () => {} })).toBe("");
});

it("all of that is said where the options are given, and in production nothing is", async () => {
  const client = createRealtimeClient({ fetch: () => new Promise(() => {}) });
  const give = (): void => {
    client.subscribe(untyped({ channels: [], channel: "a" }));
    expect(() => client.subscribe({ channels: ["a"], after: "yesterday" })).toThrow(TypeError);
    followOptions(client).update(untyped({ channels: [], event: "a" }));
    expect(() => selectionOf(untyped({ channels: "room" }))).toThrow(TypeError);
    createFoldedState(client, untyped({ channel: "", initial: 0, reduced: () => 0 }));
  };
  vi.stubEnv("NODE_ENV", "production");
  give();
  vi.unstubAllEnvs();
  client.subscribe(untyped({ channels: [], onmessage: () => {} }));
  await printed("`onmessage` is no option of subscribe");
  expect(warned).toHaveBeenCalledTimes(1);
  give();
  await printed("`channel` is no option of subscribe");
  await printed('`after` is "yesterday", which is no cursor');
  await printed("`event` is no option of useRealtime");
  await printed("`channels` is a text");
  await printed("`reduced` is no option of useRealtimeState");
  expect(warned).toHaveBeenCalledTimes(6);
  client.destroy();
});
