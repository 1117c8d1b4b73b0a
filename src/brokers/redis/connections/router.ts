import type { RedisNode } from "./driver.ts";
import type { LinkContext } from "./link.ts";
import { Pipeline, type PipelineHandlers } from "./pipeline.ts";

/** Knows which server a key belongs to. */
export interface Router {
  /** The way to the server that has the key now; `undefined` while that is not known. */
  route(key: string): Pipeline | undefined;
  /** The way to one server of a cluster. */
  to(node: RedisNode): Pipeline | undefined;
  /**
   * A server refused a command.
   * @returns whether it belongs elsewhere
   */
  refused(key: string, error: unknown): boolean;
  /** Why the server of a key cannot be reached, when that is known. */
  reason(key: string): unknown;
  close(): Promise<void>;
}

/** One server has all keys. */
export class SingleRouter implements Router {
  readonly #pipeline: Pipeline;

  constructor(context: LinkContext, handlers: PipelineHandlers) {
    this.#pipeline = new Pipeline(context, handlers);
  }

  route(): Pipeline {
    return this.#pipeline;
  }

  to(): undefined {
    return undefined;
  }

  refused(): boolean {
    return false;
  }

  reason(): unknown {
    return this.#pipeline.reason;
  }

  close(): Promise<void> {
    return this.#pipeline.close();
  }
}
