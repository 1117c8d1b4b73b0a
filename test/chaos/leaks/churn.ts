import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/** What was counted. */
export type Census = Readonly<Record<string, number>>;

/** What a process was left with. */
export interface Churned {
  readonly operations: number;
  /** When nobody was there, before and after the operations. */
  readonly before: Census;
  readonly after: Census;
  /** Bytes of the heap in use before the first round, and after each. */
  readonly heaps: readonly number[];
  /** Channels of which the process still holds something for those who return. */
  readonly topics: number;
  /** When everything was closed. */
  readonly closed: Census;
}

export interface ChurnOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly warmUp: number;
  readonly rounds: number;
  /** Of what happens in a round. */
  readonly share: number;
}

/** Runs one of the scripts here. The heap shows objects alone: nothing is compiled anew while it runs. */
export function churn(script: string, { env = {}, warmUp, rounds, share }: ChurnOptions): Promise<Churned> {
  const { REDIS_URL: _, ...inherited } = process.env;
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), {
    env: { ...inherited, ...env, WARM_UP: String(warmUp), ROUNDS: String(rounds), SHARE: String(share) },
    execArgv: ["--expose-gc", "--no-opt", "--no-sparkplug"],
  });
  return new Promise((resolve, reject) => {
    let churned: Churned | undefined;
    child.on("message", (message: Churned) => (churned = message));
    // With a timer or a socket left it would not end by itself.
    child.on("exit", (code) => (churned && code === 0 ? resolve(churned) : reject(new Error(`${script} ended with ${code}`))));
  });
}

/** Bytes by which the heap grows with each operation: the median of the slopes between any two rounds. */
export function growthOf({ heaps, operations }: Churned): number {
  const each = operations / (heaps.length - 1);
  const slopes = heaps.flatMap((heap, at) =>
    heaps.slice(at + 1).map((later, further) => (later - heap) / ((further + 1) * each)),
  );
  return slopes.toSorted((a, b) => a - b)[Math.floor(slopes.length / 2)] as number;
}
