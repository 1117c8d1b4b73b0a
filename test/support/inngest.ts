// Declared are only the types of which the sources speak.
import * as inngest from "inngest";
// @ts-expect-error -- installed with the first import, and typed below
import * as edge from "inngest/edge";

/** What a function is given, as far as the tests use it. */
export interface InngestContext {
  readonly runId: string;
  readonly attempt: number;
  readonly event: { readonly id: string; readonly data: unknown };
  readonly step: {
    run<T>(id: string, step: () => T | Promise<T>): Promise<T>;
    sleep(id: string, time: string): Promise<void>;
  };
}

type InngestFunction = (context: InngestContext) => Promise<unknown>;

interface Real {
  readonly Inngest: new (options: Readonly<Record<string, unknown>>) => {
    createFunction(options: Readonly<Record<string, unknown>>, handler: InngestFunction): object;
  };
  readonly NonRetriableError: new (message: string) => Error;
}
interface Edge {
  readonly serve: (options: { client: object; functions: readonly object[] }) => (request: Request) => Promise<Response>;
}
const { Inngest, NonRetriableError: RealNonRetriableError } = inngest as unknown as Real;
const { serve } = edge as unknown as Edge;

export const NonRetriableError: Real["NonRetriableError"] = RealNonRetriableError;

/** What the SDK answers to a request, per step that it found or ran. */
interface Op {
  readonly id: string;
  readonly op: string;
  readonly data?: unknown;
  readonly error?: unknown;
}

/** How {@link playRunOf} plays the server's part. */
export interface RunOptions {
  readonly runId?: string;
  readonly event?: { readonly id?: string; readonly data: unknown };
  /** @default 3 */
  readonly maxAttempts?: number;
  /** Makes a request by `send`, once or several times, and says which answer arrived; `undefined`: none. @default send */
  readonly deliver?: (send: () => Promise<Response>, attempt: number) => Promise<Response | undefined>;
}

/** Plays a run of a function, with an app that has no other. */
export function playRun(
  fn: InngestFunction,
  { middleware, ...options }: RunOptions & { readonly middleware: readonly unknown[] },
): Promise<"finished" | "failed"> {
  const logger = { info() {}, warn() {}, error() {}, debug() {} };
  const client = new Inngest({ id: "app", isDev: true, middleware, logger });
  const handle = serve({ client, functions: [client.createFunction({ id: "fn", triggers: [{ event: "order/placed" }] }, fn)] });
  return playRunOf(handle, "app-fn", options);
}

/** Plays a run as Inngest's server does: request after request, with what is known of the steps, until the function is over. */
export async function playRunOf(
  handle: (request: Request) => Promise<Response>,
  fnId: string,
  options: RunOptions,
): Promise<"finished" | "failed"> {
  const { runId = "01HZZZRUN", event = { id: "01HZZZEVENT", data: {} }, maxAttempts = 3 } = options;
  const deliver = options.deliver ?? ((send) => send());
  const steps: Record<string, object> = {};
  const stack: string[] = [];

  const post = (stepId: string, attempt: number): Promise<Response> => {
    const name = { name: "order/placed", ts: Date.now(), ...event };
    const ctx = {
      run_id: runId,
      attempt,
      max_attempts: maxAttempts,
      disable_immediate_execution: false,
      use_api: false,
      stack: { stack, current: stack.length },
    };
    return handle(
      new Request(`http://localhost/api/inngest?fnId=${fnId}&stepId=${stepId}`, {
        method: "POST",
        headers: { host: "localhost", "content-type": "application/json", "x-inngest-server-kind": "dev" },
        body: JSON.stringify({ version: 2, event: name, events: [name], steps, ctx }),
      }),
    );
  };

  /** One request, again while it fails. Several steps that were found are asked for by themselves. */
  async function ask(stepId: string): Promise<"on" | "finished" | "failed"> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const response = await deliver(() => post(stepId, attempt), attempt);
      if (!response || response.status === 500) continue;
      if (response.status !== 206) return response.status === 200 ? "finished" : "failed";
      const ops = (await response.json()) as readonly Op[];
      const planned = ops.filter(({ op }) => op === "StepPlanned");
      if (planned.length > 0) {
        await Promise.all(planned.filter(({ id }) => !(id in steps)).map(({ id }) => ask(id)));
        return "on";
      }
      if (ops.some(({ op }) => op === "StepError")) continue;
      for (const { id, op, data, error } of ops) {
        steps[id] = op === "StepFailed" ? { type: "error", error } : { type: "data", data: data ?? null };
        stack.push(id);
      }
      return "on";
    }
    return "failed";
  }

  for (let requests = 0; requests < 100; requests++) {
    const result = await ask("step");
    if (result !== "on") return result;
  }
  throw new Error("the run does not end");
}
