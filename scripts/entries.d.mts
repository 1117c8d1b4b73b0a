/** Types of `entries.mjs`, for the TypeScript files that import it; plain Node imports the module itself. */
export interface Entry {
  readonly subpath: string;
  readonly name: string;
  readonly source: string;
}
export interface Program {
  readonly name: string;
  readonly source: string;
}
export declare const root: string;
export declare function entries(folder?: string): Entry[];
export declare function programs(folder?: string): Program[];
export declare function missingEntries(): Entry[];
