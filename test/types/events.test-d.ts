import { type } from "arktype";
import * as v from "valibot";
import { expectTypeOf, it } from "vitest";
import { z } from "zod/v4";
import * as zm from "zod/mini";
import type { RealtimeCursor } from "../../src/protocol/cursor.ts";
import type { EventsOf, InferRealtimeEvents } from "../../src/schema/infer.ts";
import type { StoredEvent } from "../../src/schema/message.ts";
import type { EventData, EventInput, EventName } from "../../src/schema/schema.ts";
import type { Channel } from "../../src/realtime/channel.ts";
import type { RealtimePlugin } from "../../src/realtime/plugins.ts";
import { Realtime } from "../../src/realtime/realtime.ts";
import { createHook } from "./support/stand-in.ts";

// Nothing here runs: `tsc` compiles it, and a wrong expectation is an error.

const schema = {
  notification: { alert: z.string() },
  chat: {
    message: z.object({ text: z.string(), sentAt: z.date(), stars: z.number().default(0), note: z.string().optional() }),
    length: z.string().transform((text) => text.length),
    count: z.coerce.number(),
    typing: z.void(),
  },
  a: { b: { c: { d: z.object({ at: z.date().nullable() }) } } },
  http: { 404: z.string() },
  ping: z.undefined(),
};
const realtime = new Realtime({ schema, verbose: true });
declare const plugin: RealtimePlugin<{ greet(): string }>;
type Options = { readonly schema: typeof schema };
type Names =
  | "notification.alert"
  | "chat.message"
  | "chat.length"
  | "chat.count"
  | "chat.typing"
  | "a.b.c.d"
  | "http.404"
  | "ping";

interface MessageData {
  text: string;
  sentAt: string;
  stars: number;
  note?: string;
}

it("F-21: event names are paths joined with dots, at any depth", () => {
  expectTypeOf<EventName<Options>>().toEqualTypeOf<Names>();
});

it("F-21: `emit` takes the schema's input type", () => {
  expectTypeOf<EventInput<Options, "chat.message">>().toEqualTypeOf<z.input<typeof schema.chat.message>>();
  expectTypeOf<EventInput<Options, "chat.length">>().toEqualTypeOf<string>();
  expectTypeOf<EventInput<Options, "chat.count">>().toBeUnknown();
  expectTypeOf<EventInput<Options, "a.b.c.d">>().toEqualTypeOf<{ at: Date | null }>();
  expectTypeOf(realtime.emit).returns.toEqualTypeOf<Promise<RealtimeCursor>>();

  void (async () => {
    await realtime.emit("notification.alert", "Welcome!");
    await realtime.emit("chat.message", { text: "hi", sentAt: new Date() });
    await realtime.emit("http.404", "/nowhere");
    await realtime.emit("ping", undefined);
    // @ts-expect-error -- no such event
    await realtime.emit("chat.mesage", { text: "hi", sentAt: new Date() });
    // @ts-expect-error -- a namespace is no event
    await realtime.emit("chat", {});
    // @ts-expect-error -- the output's type is not the input's
    await realtime.emit("chat.length", 5);
    // @ts-expect-error -- the JSON form is for subscribers
    await realtime.emit("chat.message", { text: "hi", sentAt: "2026-01-01" });
    // @ts-expect-error -- `sentAt` is missing
    await realtime.emit("chat.message", { text: "hi" });
    // @ts-expect-error -- the payload is missing
    await realtime.emit("notification.alert");
    await realtime.emit("chat.message", {
      // @ts-expect-error -- the error is at the field
      text: 5,
      sentAt: new Date(),
    });
    await realtime.emit("chat.message", {
      text: "hi",
      sentAt: new Date(),
      // @ts-expect-error -- a property that the schema does not have
      passwordHash: "secret",
    });
  });
});

it("F-57: subscribers get the JSON form of the schema's output", () => {
  expectTypeOf<EventData<Options, "chat.message">>().toEqualTypeOf<MessageData>();
  expectTypeOf<EventData<Options, "chat.length">>().toEqualTypeOf<number>();
  expectTypeOf<EventData<Options, "chat.count">>().toEqualTypeOf<number>();
  expectTypeOf<EventData<Options, "chat.typing">>().toEqualTypeOf<null>();
  expectTypeOf<EventData<Options, "ping">>().toEqualTypeOf<null>();
  expectTypeOf<EventData<Options, "a.b.c.d">>().toEqualTypeOf<{ at: string | null }>();
});

it("F-57: a message is a union discriminated by `event`", () => {
  void realtime.subscribe({
    onData(message) {
      expectTypeOf(message.event).toEqualTypeOf<Names>();
      expectTypeOf(message.id).toEqualTypeOf<RealtimeCursor>();
      expectTypeOf(message.channel).toEqualTypeOf<string>();
      expectTypeOf(message.replayed).toEqualTypeOf<boolean>();
      if (message.event === "chat.message") expectTypeOf(message.data).toEqualTypeOf<MessageData>();
      // @ts-expect-error -- never true
      if (message.event === "chat.nothing") return;
    },
  });
});

it("U-10: destructured `event` and `data` narrow together", () => {
  void realtime.subscribe({
    events: ["chat.message", "chat.length"],
    onData({ event, data }) {
      expectTypeOf(event).toEqualTypeOf<"chat.message" | "chat.length">();
      if (event === "chat.length") expectTypeOf(data).toEqualTypeOf<number>();
      else expectTypeOf(data).toEqualTypeOf<MessageData>();
    },
  });
  // @ts-expect-error -- no such event
  void realtime.subscribe({ events: ["chat.nothing"], onData: () => undefined });
});

it("F-37: history is the same without `replayed`", () => {
  void realtime.history().then(([first]) => {
    if (first?.event === "chat.length") expectTypeOf(first.data).toEqualTypeOf<number>();
    // @ts-expect-error -- history knows no `replayed`
    return first?.replayed;
  });
});

it("F-64: InferRealtimeEvents gives payloads, nested as the schema is", () => {
  type Events = InferRealtimeEvents<typeof realtime>;
  expectTypeOf<Events["notification"]["alert"]>().toEqualTypeOf<string>();
  expectTypeOf<Events["chat"]["message"]>().toEqualTypeOf<MessageData>();
  expectTypeOf<Events["chat"]["length"]>().toEqualTypeOf<number>();
  expectTypeOf<Events["a"]["b"]["c"]["d"]>().toEqualTypeOf<{ at: string | null }>();
  expectTypeOf<keyof Events & string>().toEqualTypeOf<"notification" | "chat" | "a" | "http" | "ping">();
  // @ts-expect-error -- it takes an instance's type, not a schema
  expectTypeOf<InferRealtimeEvents<typeof schema>>().toBeNever();
});

it("F-62: `createRealtime<typeof realtime>()` types the hook", () => {
  expectTypeOf<keyof EventsOf<typeof realtime>>().toEqualTypeOf<Names>();
  const { useRealtime } = createHook<typeof realtime>();
  useRealtime({
    events: ["chat.message", "a.b.c.d"],
    onData({ event, data }) {
      if (event === "a.b.c.d") expectTypeOf(data).toEqualTypeOf<{ at: string | null }>();
      else expectTypeOf(data).toEqualTypeOf<MessageData>();
    },
  });
  useRealtime({ onData: (message) => expectTypeOf(message.event).toEqualTypeOf<Names>() });
  // @ts-expect-error -- no such event
  useRealtime({ events: ["chat.nothing"] });
});

it("U-3: `createRealtime<RealtimeEvents>()` types the hook, deep schemas too", () => {
  type RealtimeEvents = InferRealtimeEvents<typeof realtime>;
  expectTypeOf<EventsOf<RealtimeEvents>>().toEqualTypeOf<EventsOf<typeof realtime>>();
  createHook<RealtimeEvents>().useRealtime({
    events: ["a.b.c.d"],
    onData: ({ data }) => expectTypeOf(data).toEqualTypeOf<{ at: string | null }>(),
  });
});

it("F-63: a plain type of two levels types the hook", () => {
  type Events = {
    notification: { alert: string };
    chat: { message: { text: string; user: string; at: Date }; typing?: { user: string } };
  };
  expectTypeOf<EventsOf<Events>>().toEqualTypeOf<{
    readonly "notification.alert": string;
    readonly "chat.message": { text: string; user: string; at: string };
    readonly "chat.typing": { user: string };
  }>();
  createHook<Events>().useRealtime({
    onData({ event, data }) {
      if (event === "notification.alert") expectTypeOf(data).toEqualTypeOf<string>();
    },
  });
  // @ts-expect-error -- a field of a payload is no event
  createHook<Events>().useRealtime({ events: ["chat.message.text"] });

  interface AsInterface {
    chat: { message: string };
  }
  expectTypeOf<EventsOf<AsInterface>>().toEqualTypeOf<{ readonly "chat.message": string }>();
});

it("F-19: without a schema events are untyped", () => {
  const untyped = new Realtime();
  void untyped.emit("any.name", { any: "thing" });
  void untyped.subscribe({
    events: ["any.name"],
    onData(message) {
      expectTypeOf(message.event).toEqualTypeOf<"any.name">();
      expectTypeOf(message.data).toBeUnknown();
    },
  });
  const optionsOnly = new Realtime({ verbose: true });
  void optionsOnly.emit("any.name", 5);
  void optionsOnly.subscribe({ onData: (message) => expectTypeOf(message.event).toEqualTypeOf<string>() });
  createHook<typeof optionsOnly>().useRealtime({
    onData: (message) => expectTypeOf(message.data).toBeUnknown(),
  });
  expectTypeOf<EventsOf<object>>().toEqualTypeOf<{ readonly [event: string]: unknown }>();
  expectTypeOf<EventsOf<Record<string, unknown>>>().toEqualTypeOf<{ readonly [event: string]: unknown }>();
});

it("F-19: an instance of whatever schema and plugins goes where a bare `Realtime` is asked for", () => {
  const pass = (instance: Realtime): Realtime => instance;
  const passChannel = (channel: Channel): Channel => channel;
  const typed = new Realtime({ schema, plugins: [plugin], history: { maxLength: 5 } });
  for (const instance of [typed, new Realtime(), new Realtime({ verbose: true })]) pass(instance);
  passChannel(typed.channel("a"));

  const some = pass(typed);
  void some.emit("any.name", { any: "thing" });
  void some.channel("a").emit("any.name", 5);
  void some.subscribe({
    events: ["any.name"],
    onData(message) {
      expectTypeOf(message.event).toEqualTypeOf<"any.name">();
      expectTypeOf(message.data).toBeUnknown();
    },
  });
  expectTypeOf(some.history).returns.resolves.items.toEqualTypeOf<StoredEvent<string, unknown>>();
  expectTypeOf<EventsOf<Realtime>>().toEqualTypeOf<{ readonly [event: string]: unknown }>();
  // @ts-expect-error -- an event's name is a text
  void some.emit(5, 5);
  // @ts-expect-error -- what its plugins add is not known
  some.greet();
  // @ts-expect-error -- nothing else is there either
  some.nothing();
  // @ts-expect-error -- something else
  pass({});
  // @ts-expect-error -- it need not have these events
  const back: typeof typed = some;
  return back;
});

it("F-18: a schema that may be missing is typed by what it is when it is there", () => {
  const perhaps: typeof schema | undefined = Math.random() > 2 ? schema : undefined;
  const some = new Realtime({ schema: perhaps });
  // @ts-expect-error -- no such event
  void some.emit("chat.nothing", 1);
});

it("F-18: zod/mini, Valibot and ArkType, written inline", () => {
  const mixed = new Realtime({
    schema: {
      mini: {
        message: zm.object({ at: zm.date(), n: zm._default(zm.number(), 1) }),
        kind: zm.enum(["a", "b"]),
      },
      valibot: {
        message: v.object({ at: v.date(), n: v.optional(v.number(), 1) }),
        length: v.pipe(
          v.string(),
          v.transform((text) => text.length),
        ),
        late: v.pipeAsync(
          v.string(),
          v.checkAsync(async () => Promise.resolve(true)),
        ),
      },
      ark: {
        message: type({ at: "Date", "note?": "string", n: "number = 1" }),
        parsed: type("string.date.parse"),
      },
    },
  });
  type Mixed = EventsOf<typeof mixed>;
  expectTypeOf<Mixed["mini.message"]>().toEqualTypeOf<{ at: string; n: number }>();
  expectTypeOf<Mixed["mini.kind"]>().toEqualTypeOf<"a" | "b">();
  expectTypeOf<Mixed["valibot.message"]>().toEqualTypeOf<{ at: string; n: number }>();
  expectTypeOf<Mixed["valibot.length"]>().toEqualTypeOf<number>();
  expectTypeOf<Mixed["valibot.late"]>().toEqualTypeOf<string>();
  expectTypeOf<Mixed["ark.message"]>().toEqualTypeOf<{ at: string; n: number; note?: string }>();
  expectTypeOf<Mixed["ark.parsed"]>().toEqualTypeOf<string>();
  void mixed.emit("mini.message", { at: new Date() });
  void mixed.emit("valibot.message", { at: new Date() });
  void mixed.emit("ark.message", { at: new Date() });
  // @ts-expect-error -- an enum is checked
  void mixed.emit("mini.kind", "c");
  // @ts-expect-error -- a transform takes its input
  void mixed.emit("ark.parsed", new Date());
});

it("U-2: the schema of a workflow", () => {
  const workflow = new Realtime({
    schema: {
      workflow: { runFinish: z.object({}), stepFinish: z.object({ stepName: z.string(), result: z.unknown().optional() }) },
    },
  });
  void workflow.emit("workflow.runFinish", {});
  void workflow.emit("workflow.stepFinish", { stepName: "a" });
  void workflow.emit("workflow.stepFinish", { stepName: "a", result: undefined });
  type Events = InferRealtimeEvents<typeof workflow>;
  expectTypeOf<Events["workflow"]["stepFinish"]>().toEqualTypeOf<{ stepName: string; result?: unknown }>();
});

it("F-18: what is no validator is refused where it stands", () => {
  // @ts-expect-error -- a text
  void new Realtime({ schema: { chat: { message: "string" } } });
  // @ts-expect-error -- a validator that was not called
  void new Realtime({ schema: { chat: { message: z.string } } });
  // @ts-expect-error -- undefined
  void new Realtime({ schema: { chat: { message: undefined } } });
});
