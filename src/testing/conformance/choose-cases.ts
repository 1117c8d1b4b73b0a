import type { ConformanceCase, SkippedCase } from "../broker-conformance.ts";

/** A case before it knows its store. */
interface Definition<Store> {
  readonly name: string;
  check(store: Store): Promise<void>;
}

/** What {@link chooseCases} makes cases of. */
interface Suite<Store> {
  /** The function that users call. */
  readonly name: string;
  readonly definitions: ReadonlyArray<Definition<Store>>;
  readonly createStore: () => Promise<Store>;
  readonly skip: readonly SkippedCase[];
}

/** The cases of a suite, each with a store of its own. Throws when `skip` names a case that does not exist. */
export function chooseCases<Store extends { close(): Promise<void> }>(suite: Suite<Store>): readonly ConformanceCase[] {
  const { definitions, createStore, skip } = suite;
  const names = new Set(definitions.map(({ name }) => name));
  for (const { name } of skip) {
    if (!names.has(name)) throw new Error(`${suite.name} has no case "${name}" to skip. It has: ${[...names].join("; ")}.`);
  }
  return definitions.map(({ name, check }) => ({
    name,
    skip: skip.find((skipped) => skipped.name === name)?.reason,
    async run() {
      const store = await createStore();
      try {
        await check(store);
      } finally {
        await store.close();
      }
    },
  }));
}
