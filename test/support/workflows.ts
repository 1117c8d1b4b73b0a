import type { IncomingMessage, ServerResponse } from "node:http";
import * as upstashWorkflow from "@upstash/workflow";
import type { Run } from "../../examples/workflow/stand-in/qstash.ts";
import { startQStash, type QStash, type QStashOptions } from "../../examples/workflow/stand-in/qstash.ts";
import { serve } from "./http-server.ts";

/** What a workflow's function is given, as far as the tests use it. */
export interface Context {
  readonly workflowRunId: string;
  readonly requestPayload: unknown;
  readonly retried: number;
  run<T>(stepName: string, step: () => T | Promise<T>): Promise<T>;
  sleep(stepName: string, seconds: number): Promise<void>;
  waitForEvent(
    stepName: string,
    eventId: string,
    options?: { timeout?: string },
  ): Promise<{ eventData: unknown; timeout: boolean }>;
}

/** What is used of the real `@upstash/workflow`. */
interface UpstashWorkflow {
  readonly WorkflowMiddleware: new (parameters: unknown) => object;
  readonly Client: new (options: { baseUrl: string; token: string }) => WorkflowClient;
  readonly serve: (
    workflow: (context: Context) => Promise<unknown>,
    options: Readonly<Record<string, unknown>>,
  ) => { handler(request: Request): Promise<Response> };
}

interface WorkflowClient {
  trigger(options: {
    url: string;
    body?: unknown;
    workflowRunId?: string;
    retries?: number;
  }): Promise<{ workflowRunId: string }>;
  notify(options: { eventId: string; eventData?: unknown; workflowRunId?: string }): Promise<unknown>;
  cancel(options: { ids: string }): Promise<unknown>;
}

/** The real package, with what its declarations here leave out. */
const real = upstashWorkflow as unknown as UpstashWorkflow;

export const WorkflowMiddleware: UpstashWorkflow["WorkflowMiddleware"] = real.WorkflowMiddleware;

/** The real `serve` on a real server, with a stand-in for QStash. */
export interface Stage extends AsyncDisposable {
  readonly qstash: QStash;
  readonly client: WorkflowClient;
  /** Where the workflow is. */
  readonly url: string;
  /** Triggers the workflow, and waits until nothing is on its way. */
  play(options?: {
    body?: unknown;
    workflowRunId?: string;
    retries?: number;
  }): Promise<{ runId: string; state: Run["state"] | undefined }>;
}

/** How {@link stage} serves a workflow. */
export interface StageOptions extends QStashOptions {
  readonly middlewares: readonly object[];
  readonly failureFunction?: (failure: { context: Context; failResponse: string }) => Promise<void>;
}

/** Serves a workflow, until it is disposed of. */
export async function stage(
  workflow: (context: Context) => Promise<unknown>,
  { middlewares, failureFunction, ...options }: StageOptions,
): Promise<Stage> {
  const qstash = await startQStash({ retryDelayMs: 0, ...options });
  const { handler } = real.serve(workflow, {
    middlewares,
    ...(failureFunction && { failureFunction }),
    env: { QSTASH_URL: qstash.url, QSTASH_TOKEN: qstash.token },
  });
  const server = await serve((req, res) => void answer(handler, req, res));
  const client = new real.Client({ baseUrl: qstash.url, token: qstash.token });
  const url = `${server.url}/api/workflow`;
  return {
    qstash,
    client,
    url,
    async play(trigger = {}) {
      const { workflowRunId: runId } = await client.trigger({ url, ...trigger });
      await qstash.settled();
      return { runId, state: qstash.run(runId)?.state };
    },
    async [Symbol.asyncDispose]() {
      await qstash.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** What a framework does for a handler of POST requests. */
async function answer(
  handler: (request: Request) => Promise<Response>,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  const headers = Object.entries(req.headers).map(([name, value]): [string, string] => [name, String(value)]);
  const request = new Request(`http://${req.headers.host}${req.url}`, { method: "POST", headers, body: Buffer.concat(chunks) });
  const response = await handler(request);
  res.writeHead(response.status, Object.fromEntries(response.headers)).end(await response.text());
}
