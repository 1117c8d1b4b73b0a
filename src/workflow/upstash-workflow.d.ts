/** What is used of `@upstash/workflow` 1. The package is optional, and not installed here. */
declare module "@upstash/workflow" {
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- declared as it is there
  class WorkflowContext<TInitialPayload = unknown> {
    readonly workflowRunId: string;
    readonly workflowRunCreatedAt: number;
    readonly requestPayload: TInitialPayload;
    readonly headers: Headers;
    readonly retried: number;
  }
  type Callback<T> = (params: T) => Promise<void> | void;
  interface MiddlewareCallbacks<TInitialPayload, TResult> {
    readonly beforeExecution?: Callback<{ context: WorkflowContext<TInitialPayload>; stepName: string }>;
    readonly afterExecution?: Callback<{ context: WorkflowContext<TInitialPayload>; stepName: string; result: unknown }>;
    readonly runStarted?: Callback<{ context: WorkflowContext<TInitialPayload> }>;
    readonly runCompleted?: Callback<{ context: WorkflowContext<TInitialPayload>; result: TResult }>;
    readonly onError?: Callback<{ error: Error; workflowRunId?: string }>;
  }
  class WorkflowMiddleware<TInitialPayload = unknown, TResult = unknown> {
    readonly name: string;
    constructor(parameters: { name: string; callbacks: MiddlewareCallbacks<TInitialPayload, TResult> });
  }
}
