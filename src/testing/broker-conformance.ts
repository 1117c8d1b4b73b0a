import type { Broker } from "../brokers/broker.ts";
import { appendCases } from "./conformance/append.ts";
import { chooseCases } from "./conformance/choose-cases.ts";
import { connectionCases } from "./conformance/connection.ts";
import { listenCases } from "./conformance/listen.ts";
import { locateCases } from "./conformance/locate.ts";
import { readCases } from "./conformance/read.ts";
import { retentionCases } from "./conformance/retention.ts";

/** One empty place for logs, made for one case of {@link brokerConformance}. */
export interface BrokerStore {
  /**
   * Opens a broker on the store, as one process does. Where a store belongs to one process, a later call returns the same
   * broker.
   */
  open(): Promise<Broker>;
  /** Lets this many milliseconds pass as the store counts them, so that logs can expire. */
  elapse(ms: number): Promise<void>;
  /** Breaks all connections of the brokers, which come back by themselves. Absent where there are none. */
  interrupt?(): Promise<void>;
  /** Closes every broker that was opened, and removes the store. */
  close(): Promise<void>;
}

/** One promise of the broker port, as a test of its own. */
export interface ConformanceCase {
  readonly name: string;
  /** Why the broker under test need not pass, when it need not. */
  readonly skip: string | undefined;
  /** Makes a store, tries the case, closes the store. Rejects with what went wrong; settles within a minute. */
  run(): Promise<void>;
}

/** A case that a broker cannot pass, and why. */
export interface SkippedCase {
  readonly name: string;
  readonly reason: string;
}

/** What {@link brokerConformance} is to leave out. */
export interface BrokerConformanceOptions {
  readonly skip?: readonly SkippedCase[];
}

/** A case before it knows its store. */
export interface CaseDefinition {
  readonly name: string;
  check(store: BrokerStore): Promise<void>;
}

/**
 * What every broker has to do, as a list of cases for any test runner:
 * `for (const { name, skip, run } of brokerConformance(createStore)) (skip ? it.skip : it)(name, run)`.
 * Throws when `skip` names a case that does not exist.
 */
export function brokerConformance(
  createStore: () => Promise<BrokerStore>,
  { skip = [] }: BrokerConformanceOptions = {},
): readonly ConformanceCase[] {
  const definitions: readonly CaseDefinition[] = [
    ...appendCases,
    ...retentionCases,
    ...readCases,
    ...locateCases,
    ...listenCases,
    ...connectionCases,
  ];
  return chooseCases({ name: "brokerConformance", definitions, createStore, skip });
}
