import { framewise } from "../../dialects/framewise.ts";

/** Where a frame of a stream names its channel: before any data. The one writer of frames escapes nothing there, for there is nothing to escape. */
const IN_STREAM = /^((?:(?:id|event): [^\n]*\n)*data: \{(?:"(?:id|code)":"[^"]*",)?"channel":")([^"]*)(?=")/;
/** The same in a page, which has a frame on each line. */
const IN_PAGE = /^(\{"type":"\w+",(?:"(?:id|code)":"[^"]*",)?"channel":")([^"]*)(?=")/gm;

/**
 * The answer to our own client, with one log under another name: in a stream or a page, with all data byte for byte as it was.
 *
 * @param log of which the answer tells
 * @param name by which the client has asked for it
 */
export async function renameLog(response: Response, log: string, name: string): Promise<Response> {
  const { status, headers } = response;
  if (status !== 200) return response;
  if (headers.get("content-type")?.startsWith("application/json")) {
    const page = (await response.text()).replace(
      IN_PAGE,
      (_, before: string, channel: string) => before + (channel === log ? name : channel),
    );
    return new Response(page, { status, headers });
  }
  return framewise(response, ({ frames, bytes }) => {
    const places = placesIn(frames);
    // What tells of other logs goes on as it came.
    if (places.every((place) => place?.log !== log)) return [bytes];
    return frames.flatMap((frame, at) => {
      const place = places[at];
      return place?.log === log
        ? [encoder.encode(place.before + name), frame.subarray(place.before.length + log.length)]
        : [frame];
    });
  });
}

/** More than what stands before any data, of which all is ASCII. */
const HEAD_BYTES = 1_024;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Where a frame names its log, if it names one. */
interface Place {
  readonly before: string;
  readonly log: string;
}

/** The last frames, which go to one stream after another, and where they name their logs. */
let last: { readonly frames: readonly Uint8Array[]; readonly places: readonly (Place | undefined)[] } | undefined;

function placesIn(frames: readonly Uint8Array[]): readonly (Place | undefined)[] {
  if (last?.frames !== frames) last = { frames, places: frames.map(placeIn) };
  return last.places;
}

function placeIn(frame: Uint8Array): Place | undefined {
  const [, before, log] = IN_STREAM.exec(decoder.decode(frame.subarray(0, HEAD_BYTES))) ?? [];
  return before === undefined || log === undefined ? undefined : { before, log };
}
