import { replyCode } from "../failures.ts";
import { nameOf, parseRedirection } from "./cluster-nodes.ts";
import type { Commands } from "./commands.ts";
import type { RedisNode } from "./driver.ts";
import type { LinkContext } from "./link.ts";
import { Pipeline, type PipelineHandlers } from "./pipeline.ts";
import type { Router } from "./router.ts";
import { Topology, type Informant } from "./topology.ts";

/** One pipeline for each server of a cluster that has a key in use. */
export class ClusterRouter implements Router {
  readonly topology: Topology;
  readonly #context: LinkContext;
  readonly #commands: Commands;
  readonly #pipelines = new Map<string, Pipeline>();
  readonly #handlers: PipelineHandlers;
  readonly #ending = new Set<Promise<void>>();
  readonly #listeners = new Set<ClusterListener>();

  constructor(context: LinkContext, commands: Commands) {
    this.#context = context;
    this.#commands = commands;
    this.topology = new Topology(context, {
      informants: () => this.#informants(),
      changed: () => this.#changed(),
      isTroubled: () => this.#isTroubled(),
    });
    this.#handlers = {
      sent: (pending) => commands.sent(pending),
      answered: (pending, reply) => commands.answered(pending, reply),
      refused: (pending, error, from) => commands.refused(pending, error, from),
      forgotten: (from) => commands.forgotten(from),
      lost: (pendings, from) => commands.lost(pendings, from),
      up: () => commands.up(),
      down: (from) => {
        commands.down(from);
        // A replica may have taken its slots over.
        this.topology.look();
      },
    };
  }

  route(key: string): Pipeline | undefined {
    const node = this.topology.nodeOf(key);
    return node && this.to(node);
  }

  to(node: RedisNode): Pipeline {
    const known = this.#pipelines.get(nameOf(node));
    if (known) return known;
    const pipeline = new Pipeline(this.#context, this.#handlers, node);
    this.#pipelines.set(nameOf(node), pipeline);
    return pipeline;
  }

  refused(_key: string, error: unknown): boolean {
    const code = replyCode(error);
    const elsewhere = code === "MOVED" || code === "ASK";
    const redirection = parseRedirection(error);
    if (code === "MOVED" && redirection) this.topology.learn(redirection.slot, redirection.node);
    else if (code === "MOVED" || code === "CLUSTERDOWN" || code === "READONLY") this.topology.look();
    return elsewhere;
  }

  reason(key: string): unknown {
    return this.route(key)?.reason ?? this.topology.reason;
  }

  /** Tells a subscription of the cluster when slots have moved. */
  watch(listener: ClusterListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    await Promise.all([this.topology.close(), ...[...this.#pipelines.values()].map((pipeline) => pipeline.close())]);
    await Promise.all(this.#ending);
  }

  #informants(): Informant[] {
    // Not always the same one first: it may be cut off from the others, and believe what was true then.
    const from = Math.floor(this.#context.clock.random() * this.#pipelines.size);
    const pipelines = [...this.#pipelines.values()];
    return [...pipelines.slice(from), ...pipelines.slice(0, from)]
      .filter((pipeline) => pipeline.isUp)
      .map((pipeline) => ({ node: pipeline.node as RedisNode, ask: (name, args) => pipeline.ask(name, args) }));
  }

  #changed(): void {
    for (const [name, pipeline] of this.#pipelines) {
      this.#commands.moved(pipeline, (key) => this.route(key) !== pipeline);
      if (this.topology.has(pipeline.node as RedisNode) || pipeline.keys.size > 0) continue;
      // It has left the cluster, or is a replica now.
      this.#pipelines.delete(name);
      const ended = pipeline.close();
      this.#ending.add(ended);
      void ended.then(() => this.#ending.delete(ended));
    }
    this.#commands.up();
    for (const listener of this.#listeners) listener.changed();
  }

  #isTroubled(): boolean {
    for (const pipeline of this.#pipelines.values()) if (!pipeline.isUp && pipeline.keys.size > 0) return true;
    return this.#commands.isTroubled || [...this.#listeners].some((listener) => listener.isTroubled());
  }
}

/** What follows the slots of a cluster. */
export interface ClusterListener {
  changed(): void;
  /** Whether a channel cannot be listened to where its slot is said to be. */
  isTroubled(): boolean;
}
