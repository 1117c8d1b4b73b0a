/**
 * The part of Standard Schema v1 (https://standardschema.dev) that tidings reads, written out so that the package depends on
 * no validator and on no types package. Zod, Valibot, ArkType and others satisfy it structurally.
 */
import type { Issue } from "../protocol/error.ts";

/** What a validator answers: the parsed value, or what is wrong. */
export type StandardResult<Output = unknown> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly Issue[] };

/** The value of the `~standard` property. */
export interface StandardProps<Input = unknown, Output = Input> {
  readonly version: 1;
  readonly vendor: string;
  /**
   * Zod runs an asynchronous refinement twice, first without awaiting it: one that rejects is an unhandled rejection of Zod's, so
   * let a refinement return `false` instead of throwing.
   */
  readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
  /** Exists for the type checker only. */
  readonly types?: { readonly input: Input; readonly output: Output } | undefined;
}

/** A validator of any library that speaks Standard Schema v1. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": StandardProps<Input, Output>;
}

/**
 * What tells a validator from a namespace. Types test for this and not for {@link StandardSchema}, because comparing a whole
 * validator with an interface is what makes schema types slow.
 */
export interface StandardLeaf {
  readonly "~standard": { readonly version: 1; readonly types?: unknown };
}

/** The type that a validator accepts. */
export type InputOf<L extends StandardLeaf> = TypesOf<L> extends { readonly input: infer Input } ? Input : unknown;

/** The type that a validator returns. */
export type OutputOf<L extends StandardLeaf> = TypesOf<L> extends { readonly output: infer Output } ? Output : unknown;

type TypesOf<L extends StandardLeaf> = Exclude<L["~standard"]["types"], undefined>;
