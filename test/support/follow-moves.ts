import type { Broker, Entry, Listener, ListenerHandlers } from "../../src/brokers/broker.ts";
import { compareCursors, type RealtimeCursor } from "../../src/protocol/cursor.ts";

/**
 * A broker whose listeners tell of entries, over one whose listeners only say how far a log has gone: what a hub does with that, for
 * tests that want to hear. A channel is heard from where its log ended when it was joined.
 */
export function followMoves(broker: Broker): Broker {
  return {
    append: (...args) => broker.append(...args),
    read: (...args) => broker.read(...args),
    locate: (...args) => broker.locate(...args),
    listen: (handlers) => follow(broker, handlers),
    close: () => broker.close(),
  };
}

interface Followed {
  tail: RealtimeCursor;
  reading: Promise<void>;
}

function follow(broker: Broker, handlers: ListenerHandlers): Listener {
  const channels = new Map<string, Followed>();
  let isClosed = false;

  async function readOn(channel: string, followed: Followed, last: RealtimeCursor): Promise<void> {
    while (compareCursors(followed.tail, last) < 0) {
      let entries: readonly Entry[];
      try {
        ({ entries } = await broker.read(channel, followed.tail, { pageBytes: 65_536 }));
      } catch {
        return;
      }
      if (isClosed || channels.get(channel) !== followed) return;
      if (entries.length === 0) return;
      for (const entry of entries) {
        followed.tail = entry.id;
        handlers.entry(channel, entry);
      }
    }
  }

  const listener = broker.listen({
    ...handlers,
    moved(channel, last) {
      const followed = channels.get(channel);
      if (followed) followed.reading = followed.reading.then(() => readOn(channel, followed, last));
    },
  });
  return {
    async join(channel) {
      await listener.join(channel);
      if (channels.has(channel)) return;
      const { last } = await broker.locate(channel, { newest: 0 });
      channels.set(channel, { tail: last, reading: Promise.resolve() });
    },
    leave(channel) {
      channels.delete(channel);
      listener.leave(channel);
    },
    close() {
      isClosed = true;
      listener.close();
    },
  };
}
