import type { CaseDefinition } from "../broker-conformance.ts";
import { assert, assertEqual, assertRejects, pause, until } from "./assert.ts";
import { append, idsOf, readAll, record } from "./tools.ts";

export const connectionCases: readonly CaseDefinition[] = [
  {
    name: "I7 Return: an interrupted listener is told once of each channel that it was lost, then that its channels are heard again",
    async check(store) {
      const broker = await store.open();
      const recorder = record(broker);
      await Promise.all([recorder.listener.join("a"), recorder.listener.join("b"), recorder.listener.join("left")]);
      recorder.listener.leave("left");
      await append(broker, "a", "1");
      await until(() => recorder.heard("a").length > 0, "the first entry is heard");
      assert(store.interrupt !== undefined, "the store has no `interrupt`: skip this case, with the reason");
      await store.interrupt();
      await until(() => recorder.restored.flat().length >= 2, "the channels are restored");
      for (const channel of ["a", "b"]) {
        assertEqual((recorder.losses[channel] ?? 0) + (recorder.losses["*"] ?? 0), 1, `losses of ${channel}`);
      }
      assertEqual(recorder.restored.flat().sort(), ["a", "b"], "restored");
      const before = recorder.heard("a").length;
      const id = await append(broker, "a", "2");
      await until(() => recorder.heard("a").length > before, "what is appended then is heard");
      assertEqual(idsOf(recorder.heard("a").slice(-1)), [id], "heard after the return");
    },
  },
  {
    name: "I9 Close: a closed listener hears nothing more, and the broker goes on",
    async check(store) {
      const broker = await store.open();
      const [closed, open] = [record(broker), record(broker)];
      await Promise.all([closed.listener.join("c"), open.listener.join("c")]);
      closed.listener.close();
      closed.listener.close();
      await append(broker, "c", "1");
      await until(() => open.heard("c").length > 0, "the other listener hears it");
      await pause(20);
      assertEqual(closed.heard("c").length, 0, "heard by the closed listener");
      await assertRejects(closed.listener.join("d"), "closed", "join on a closed listener");
    },
  },
  {
    name: "I9 Close: every call on a closed broker rejects, and closing twice is fine",
    async check(store) {
      const broker = await store.open();
      const recorder = record(broker);
      await recorder.listener.join("c");
      await append(broker, "c", "1");
      await broker.close();
      await broker.close();
      await assertRejects(append(broker, "c", "2"), "closed", "append");
      await assertRejects(readAll(broker, "c"), "closed", "read");
      await assertRejects(broker.locate("c", { newest: 1 }), "closed", "locate");
      await assertRejects(recorder.listener.join("d"), "closed", "join");
      assertEqual(recorder.losses, {}, "closing is no loss");
    },
  },
  {
    name: "I9 Close: pending calls settle when the broker closes",
    async check(store) {
      const broker = await store.open();
      const recorder = record(broker);
      const pending = [
        append(broker, "c", "1"),
        readAll(broker, "c"),
        broker.locate("c", { newest: 1 }),
        recorder.listener.join("c"),
      ];
      const settled = Promise.allSettled(pending);
      await broker.close();
      await settled;
    },
  },
];
