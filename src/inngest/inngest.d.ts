/** What is used of `inngest` 4. The package is optional, and not installed here. */
declare module "inngest" {
  interface RunContext {
    readonly runId: string;
    /** 0 for the first one. */
    readonly attempt: number;
    readonly event: { readonly id?: string; readonly name: string; readonly data: Readonly<Record<string, unknown>> };
  }
  interface StepInfo {
    /** Of the step's id and of its number among those of the same id. */
    readonly hashedId: string;
    readonly options: { readonly id: string; readonly name?: string };
  }
  // oxlint-disable-next-line typescript/no-namespace -- declared as it is there
  namespace Middleware {
    // oxlint-disable-next-line typescript/no-extraneous-class -- its methods are optional
    abstract class BaseMiddleware {
      abstract readonly id: string;
      constructor(args: { client: unknown });
    }
    type Class = new (args: { client: unknown }) => BaseMiddleware;
  }
}
