import { describe, expect, it } from "vitest";
import { refuseUnknownOptions } from "./unknown-options.ts";

const known = { realtime: true, authorize: true, maxDurationSecs: true, keyPrefix: true } as const;
const refuse = (options: object) => (): void => refuseUnknownOptions("`handle`", options, known);

describe("options that do not exist", () => {
  it.each([
    ["authorise", "authorize"],
    ["Authorize", "authorize"],
    ["auth", "authorize"],
    ["maxDuration", "maxDurationSecs"],
    ["maxDurationMs", "maxDurationSecs"],
    ["prefix", "keyPrefix"],
    ["key-prefix", "keyPrefix"],
  ])("%s → did you mean %s", (wrong, meant) => {
    expect(refuse({ [wrong]: 1 })).toThrow(`tidings: \`${wrong}\` is no option of \`handle\`. Did you mean \`${meant}\`?`);
  });

  it.each(["colour", "x", "", "a\nb", "constructor"])("%j, near to none: what there is", (wrong) => {
    expect(refuse({ [wrong]: 1 })).toThrow(/^[^\n]+ It takes `realtime`, `authorize`, `maxDurationSecs`, `keyPrefix`\.$/);
  });

  it("shortens a long name", () => {
    expect(refuse({ ["x".repeat(10_000)]: 1 })).toThrow(/^.{20,200}$/);
  });

  it("lets pass what is known, what has no value, and what is inherited", () => {
    const inherited = Object.create({ toString: () => "options", authorise: 1 }) as object;
    for (const options of [{}, { realtime: 1, authorize: null }, { authorise: undefined }, inherited])
      expect(refuse(options)).not.toThrow();
  });
});
