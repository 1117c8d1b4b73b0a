import { describe, expect, it } from "vitest";
import { ReadLimiter } from "./read-limiter.ts";

/** A read that ends when the test says so. */
interface Read {
  end(): void;
  fail(): void;
}

function scene(max: number): {
  limiter: ReadLimiter;
  begun: string[];
  reads: Map<string, Read>;
  ask(name: string): Promise<string>;
} {
  const limiter = new ReadLimiter(max);
  const begun: string[] = [];
  const reads = new Map<string, Read>();
  return {
    limiter,
    begun,
    reads,
    ask: (name) =>
      limiter.run(() => {
        begun.push(name);
        return new Promise<string>((resolve, reject) =>
          reads.set(name, { end: () => resolve(name), fail: () => reject(new Error(name)) }),
        );
      }),
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("ReadLimiter", () => {
  it("I6 Cost: lets so many reads be in flight and no more, in the order in which they came", async () => {
    const { begun, reads, ask } = scene(2);
    const all = ["a", "b", "c", "d"].map(ask);
    await turn();
    expect(begun).toEqual(["a", "b"]);
    reads.get("b")?.end();
    await turn();
    expect(begun).toEqual(["a", "b", "c"]);
    for (const name of ["a", "c"]) reads.get(name)?.end();
    await turn();
    expect(begun).toEqual(["a", "b", "c", "d"]);
    reads.get("d")?.end();
    expect(await Promise.all(all)).toEqual(["a", "b", "c", "d"]);
  });

  it("nobody slips in before one that waits", async () => {
    const { begun, reads, ask } = scene(1);
    const [a, b] = [ask("a"), ask("b")];
    reads.get("a")?.end();
    await a;
    const c = ask("c");
    await turn();
    expect(begun).toEqual(["a", "b"]);
    reads.get("b")?.end();
    await b;
    await turn();
    reads.get("c")?.end();
    expect(await c).toBe("c");
  });

  it("a read that fails, or throws at once, gives its place back", async () => {
    const { limiter, begun, reads, ask } = scene(1);
    const failing = ask("a");
    const next = ask("b");
    reads.get("a")?.fail();
    await expect(failing).rejects.toThrow("a");
    await turn();
    reads.get("b")?.end();
    await next;
    const thrown = limiter.run(() => {
      throw new Error("at once");
    });
    await expect(thrown).rejects.toThrow("at once");
    const last = ask("c");
    await turn();
    expect(begun).toEqual(["a", "b", "c"]);
    reads.get("c")?.end();
    await last;
  });
});
