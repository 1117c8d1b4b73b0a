import type { RedisAdapter } from "../brokers/four-method/adapter.ts";
import type { ConformanceCase, SkippedCase } from "./broker-conformance.ts";
import { adapterReadCases } from "./conformance/adapter-read.ts";
import { adapterStoreCases } from "./conformance/adapter-store.ts";
import { chooseCases } from "./conformance/choose-cases.ts";

/** One empty place for streams, made for one case of {@link adapterConformance}. */
export interface AdapterStore {
  /** An adapter on the store, as one process has it; each call may give another one. */
  open(): Promise<RedisAdapter>;
  /** Lets this many milliseconds pass as the store counts them, so that streams can expire. */
  elapse(ms: number): Promise<void>;
  /** Closes what was opened, and removes the store. */
  close(): Promise<void>;
}

/** What {@link adapterConformance} is to leave out. */
export interface AdapterConformanceOptions {
  /** @default nothing */
  readonly skip?: readonly SkippedCase[] | undefined;
}

/** A case before it knows its store. */
export interface AdapterCaseDefinition {
  readonly name: string;
  check(store: AdapterStore): Promise<void>;
}

/**
 * What every four-method adapter has to do, as a list of cases for any test runner:
 * `for (const { name, skip, run } of adapterConformance(createStore)) (skip ? it.skip : it)(name, run)`.
 * Throws when `skip` names a case that does not exist.
 */
export function adapterConformance(
  createStore: () => Promise<AdapterStore>,
  { skip = [] }: AdapterConformanceOptions = {},
): readonly ConformanceCase[] {
  const definitions: readonly AdapterCaseDefinition[] = [...adapterStoreCases, ...adapterReadCases];
  return chooseCases({ name: "adapterConformance", definitions, createStore, skip });
}
