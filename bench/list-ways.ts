/** What `list.ts` and its page tell each other. */

/** About 150 bytes of JSON. */
export interface Order {
  /** Orders are numbered from 0, without a hole. */
  readonly n: number;
  readonly customer: string;
  readonly article: string;
  readonly pieces: number;
  readonly note: string;
}

/** Who receives, and what each event leads to: a new list, a new list with the next frame, or nothing. */
export const WAYS = ["bare each", "tidings each", "bare frame", "tidings frame", "bare none", "tidings none"] as const;
export type Way = (typeof WAYS)[number];

/** The channel of a way: each has its own, so that it is sent nothing while others have their turn. */
export const channelOf = (way: Way): string => way.replace(" ", ".");

/** What a page says of the orders that it got. */
export interface PageReport {
  received: number;
  /** Those that did not follow the one before them. */
  misplaced: number;
  renders: number;
}

declare global {
  interface Window {
    /** What the page offers. */
    readonly bench: {
      readonly report: PageReport;
      /** Resolves when the stream is open. */
      readonly ready: Promise<void>;
      /** Resolves when an order, or one after it, is in the document; where nothing is rendered, when it was received. */
      until(n: number): Promise<void>;
      /** The numbers in the document. */
      rows(): number[];
    };
  }
}
