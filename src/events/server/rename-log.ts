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
  const rename = (text: string, place: RegExp): string =>
    text.replace(place, (_, before: string, channel: string) => before + (channel === log ? name : channel));
  if (status !== 200) return response;
  if (!headers.get("content-type")?.startsWith("application/json"))
    return framewise(response, (frame) => `${rename(frame, IN_STREAM)}\n\n`);
  return new Response(rename(await response.text(), IN_PAGE), { status, headers });
}
