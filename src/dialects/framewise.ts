import { joinBytes } from "../protocol/bytes.ts";

/** What has come of a stream at once, cut into whole frames. Streams that are given the same bytes are given the same piece. */
export interface Piece {
  /** Each with the empty line at its end. */
  readonly frames: readonly Uint8Array[];
  /** All of them. */
  readonly bytes: Uint8Array;
}

/** Says a piece anew: frames, in their order. */
export type Say = (piece: Piece) => readonly Uint8Array[];

/**
 * A stream of frames with each piece said anew, and everything else of the response as it was. What is no stream stays what it is.
 *
 * It works on bytes: `handle` gives the same ones to all who hear of an event, and a stream that decodes and encodes them for itself
 * takes several times what `handle` takes (bench/RESULTS.md).
 */
export function framewise(response: Response, say: Say): Response {
  if (!response.body || !response.headers.get("content-type")?.startsWith("text/event-stream")) return response;
  const reader = response.body.getReader();
  const cut = cutter();
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        for (;;) {
          // oxlint-disable-next-line no-await-in-loop -- one after the other
          const { value, done } = await reader.read();
          if (done) return controller.close();
          const piece = cut(value);
          const said = piece.frames.length === 0 ? piece.frames : say(piece);
          if (said.length > 0) return controller.enqueue(joinBytes(said));
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    // Asks for no more than its own reader does: what waits, waits where `handle` sees it.
    { highWaterMark: 0 },
  );
  return new Response(body, { status: response.status, headers: response.headers });
}

const LINE_BREAK = 10;

/** The last piece of bytes that were whole frames: they go to one stream after another. */
let last: Piece | undefined;

/** Cuts the bytes of one stream into whole frames. */
function cutter(): (bytes: Uint8Array) => Piece {
  /** A frame of which the end has not come yet, and whether a line ends with it. */
  let begun: Uint8Array[] = [];
  let isLineEnd = false;
  return (bytes) => {
    const isFresh = begun.length === 0;
    if (isFresh && last?.bytes === bytes) return last;
    const frames: Uint8Array[] = [];
    let from = 0;
    for (let at = bytes.indexOf(LINE_BREAK); at !== -1; at = bytes.indexOf(LINE_BREAK, at + 1)) {
      if (at === 0 ? !isLineEnd : bytes[at - 1] !== LINE_BREAK) continue;
      // An empty line.
      frames.push(joinBytes([...begun, bytes.subarray(from, at + 1)]));
      begun = [];
      from = at + 1;
    }
    isLineEnd = from < bytes.length && bytes.at(-1) === LINE_BREAK;
    if (from < bytes.length) begun.push(bytes.subarray(from));
    else if (isFresh) return (last = { frames, bytes });
    return { frames, bytes: joinBytes(frames) };
  };
}
