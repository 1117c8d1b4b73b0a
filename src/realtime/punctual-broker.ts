import type { Broker } from "../brokers/broker.ts";
import type { Clock } from "../protocol/clock.ts";
import { TidingsError } from "../protocol/error.ts";
import { inTime } from "../protocol/in-time.ts";

/**
 * A broker that a user wrote, with the one promise kept for it on which `emit` depends: an append settles within its time. Those
 * of tidings keep it by themselves, and know more about the outcome.
 */
export function punctualBroker(broker: Broker, clock: Clock): Broker {
  return {
    name: broker.name,
    ...(broker.watch && { watch: (changed) => broker.watch?.(changed) }),
    async append(channel, draft, retention, timeoutMs) {
      const late = (): TidingsError =>
        new TidingsError(
          "outcome_unknown",
          `the broker gave no answer about an event of channel "${channel}" within ${timeoutMs} ms, so the event may be stored or not; emitting it again can store it twice. A broker settles an append within the \`timeoutMs\` that it is given.`,
        );
      // Asked first, so that its timer comes before ours: who keeps the time has the first word.
      return await inTime(broker.append(channel, draft, retention, timeoutMs), { clock, limitMs: timeoutMs, late });
    },
    read: (channel, after, options) => broker.read(channel, after, options),
    locate: (channel, range) => broker.locate(channel, range),
    listen: (handlers) => broker.listen(handlers),
    close: () => broker.close(),
  };
}
