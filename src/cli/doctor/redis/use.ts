import type { RedisDriver } from "../../../brokers/redis/connections/driver.ts";
import { overConnections } from "../../../brokers/redis/connections/source.ts";
import { createRedisBroker } from "../../../brokers/redis/engine.ts";
import { ORIGIN } from "../../../protocol/cursor.ts";
import { ok, problem, type Finding } from "../finding.ts";
import { inTime } from "./connection.ts";

/** So long the event of the doctor stays. */
const STAY_MS = 1_000;

interface UseOptions {
  readonly keyPrefix: string;
  readonly channel: string;
  readonly timeoutMs: number;
}

/** Stores an event, hears of it and reads it, as servers do. */
export async function useFinding(driver: RedisDriver, { keyPrefix, channel, timeoutMs }: UseOptions): Promise<Finding> {
  const complaints: string[] = [];
  const logger = { warn: (...words: unknown[]) => void complaints.push(words.map(String).join(" ")) };
  const broker = createRedisBroker({ source: overConnections(driver), keyPrefix, logger });
  let step = "listen to a channel";
  try {
    let hear = (): void => {};
    const heard = new Promise<void>((resolve) => (hear = resolve));
    const listener = broker.listen({ entry: hear, moved: hear, lost() {}, restored() {} });
    await inTime(listener.join(channel), timeoutMs);
    step = "store an event";
    const draft = { event: "doctor.probe", json: "1", emitId: "doctor" };
    await broker.append(channel, draft, { maxLength: 1, expireAfterMs: STAY_MS }, timeoutMs);
    step = "read a log";
    await broker.read(channel, ORIGIN, { pageBytes: 1_024 });
    step = "hear of an event";
    await inTime(heard, timeoutMs);
    return ok("redis-use", "An event can be stored, heard of and read.");
  } catch (error) {
    const said = [(error as Error).message, ...complaints].join(" ");
    return problem(
      "redis-use",
      `It cannot be used: to ${step} fails. ${said}`,
      "The text says what Redis does not let us do; docs/reference/errors.md of the package has its cures.",
    );
  } finally {
    await broker.close();
  }
}
