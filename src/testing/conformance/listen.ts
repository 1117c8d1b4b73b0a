import { CONTROL_CHANNEL } from "../../protocol/names.ts";
import type { CaseDefinition } from "../broker-conformance.ts";
import { assert, assertEqual, pause, until } from "./assert.ts";
import { append, appendMany, assertChained, idsOf, readAll, record } from "./tools.ts";

export const listenCases: readonly CaseDefinition[] = [
  {
    name: "what is appended after a join was acknowledged is heard, as it is stored",
    async check(store) {
      const [writer, reader] = [await store.open(), await store.open()];
      const before = await append(writer, "c", "0");
      const recorder = record(reader);
      await recorder.listener.join("c");
      const id = await append(writer, "c", '{"n":1}');
      await until(() => recorder.heard("c").some((entry) => entry.id === id), "the entry is heard");
      const { prev, event, json } = recorder.heard("c").at(-1) ?? {};
      assertEqual({ prev, event, json }, { prev: before, event: "test.event", json: '{"n":1}' }, "heard");
    },
  },
  {
    name: "the log through which processes speak to each other is one like any other",
    async check(store) {
      const [writer, reader] = [await store.open(), await store.open()];
      const recorder = record(reader);
      await recorder.listener.join(CONTROL_CHANNEL);
      const id = await append(writer, CONTROL_CHANNEL, '{"user":"ann"}');
      await until(() => recorder.heard(CONTROL_CHANNEL).some((entry) => entry.id === id), "the entry is heard");
      assertEqual(idsOf((await readAll(reader, CONTROL_CHANNEL)).entries), [id], "read");
    },
  },
  {
    name: "an entry is heard after the call of append has returned, never within it",
    async check(store) {
      const broker = await store.open();
      let appending = false;
      let heardWithin = false;
      const recorder = record(broker, () => {
        heardWithin ||= appending;
      });
      await recorder.listener.join("c");
      for (let at = 0; at < 20; at++) {
        appending = true;
        const pending = append(broker, "c", String(at));
        appending = false;
        await pending;
      }
      await until(() => recorder.heard("c").length >= 20, "every entry is heard");
      assert(!heardWithin, "an entry was heard while append was being called");
    },
  },
  {
    name: "a channel that was left is not heard, and can be joined again",
    async check(store) {
      const broker = await store.open();
      const recorder = record(broker);
      await Promise.all([recorder.listener.join("a"), recorder.listener.join("b")]);
      recorder.listener.leave("a");
      // Joining another channel takes as long as leaving one.
      await recorder.listener.join("c");
      await append(broker, "a", "1");
      await append(broker, "b", "2");
      await until(() => recorder.heard("b").length > 0, "the other channel is heard");
      assertEqual(recorder.heard("a").length, 0, "heard on the channel that was left");
      await recorder.listener.join("a");
      const id = await append(broker, "a", "3");
      await until(() => recorder.heard("a").length > 0, "the channel is heard again");
      assertEqual(idsOf(recorder.heard("a")), [id], "heard after joining again");
    },
  },
  {
    name: "leaving and joining again in one turn leaves the channel joined",
    async check(store) {
      const broker = await store.open();
      const recorder = record(broker);
      await recorder.listener.join("c");
      recorder.listener.leave("c");
      await recorder.listener.join("c");
      const id = await append(broker, "c", "1");
      await until(() => recorder.heard("c").length > 0, "the channel is heard");
      assertEqual(idsOf(recorder.heard("c")), [id], "heard");
      recorder.listener.leave("never joined");
    },
  },
  {
    name: "many channels are joined at once",
    async check(store) {
      const broker = await store.open();
      const recorder = record(broker);
      const channels = Array.from({ length: 1_100 }, (_, at) => `room:${at}`);
      await Promise.all(channels.map((channel) => recorder.listener.join(channel)));
      const ids = await Promise.all(channels.map((channel) => append(broker, channel, "1")));
      await until(() => channels.every((channel) => recorder.heard(channel).length > 0), "every channel is heard");
      assertEqual(
        channels.flatMap((channel) => idsOf(recorder.heard(channel))),
        ids,
        "heard",
      );
    },
  },
  {
    name: "joins and leaves during traffic: what a listener hears while joined has no hole",
    async check(store) {
      const [writer, reader] = [await store.open(), await store.open()];
      const steady = record(reader);
      await steady.listener.join("c");
      let writing = true;
      const written = (async () => {
        let count = 0;
        for (let round = 0; round < 60; round++, count += 10) {
          await appendMany(writer, "c", 10);
          await pause(1);
        }
        writing = false;
        return count;
      })();
      while (writing) {
        const visitor = record(reader);
        await visitor.listener.join("c");
        await until(() => visitor.heard("c").length >= 15 || !writing, "the visitor hears some");
        visitor.listener.leave("c");
        assertChained(visitor.heard("c"), "the visitor");
        assertEqual(visitor.losses, {}, "losses of the visitor");
        visitor.listener.close();
      }
      const count = await written;
      await until(() => steady.heard("c").length >= count, "the steady listener hears all");
      assertEqual(steady.heard("c").length, count, "heard by the steady listener");
      assertChained(steady.heard("c"), "the steady listener");
    },
  },
  {
    name: "a slow handler loses nothing and holds up no append",
    async check(store) {
      const [writer, reader] = [await store.open(), await store.open()];
      const recorder = record(reader, () => {
        const end = Date.now() + 3;
        while (Date.now() < end);
      });
      await recorder.listener.join("c");
      const ids = await appendMany(writer, "c", 100);
      await until(() => recorder.heard("c").length >= 100, "the slow handler hears all");
      assertEqual(idsOf(recorder.heard("c")), ids, "heard");
    },
  },
  {
    name: "a handler that appends is heard in its turn",
    async check(store) {
      const broker = await store.open();
      const recorder = record(broker, (_, entry) => {
        const n = Number(entry.json);
        if (n < 50) void append(broker, "c", String(n + 1));
      });
      await recorder.listener.join("c");
      await append(broker, "c", "1");
      await until(() => recorder.heard("c").length >= 50, "the chain of answers ends");
      assertChained(recorder.heard("c"), "heard");
    },
  },
];
