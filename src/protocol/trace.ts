/**
 * The trace context of an event, as text: its `traceparent` of W3C, version 00; before it what else its tracer carries along (`tracestate`,
 * baggage, headers of other systems), as `~name=value&name=value` with the escapes of a query, and a space.
 */

/** How long a `traceparent` of version 00 is. */
const TRACEPARENT_LENGTH = 55;
/** Bytes of all fields together, as they are written. One that would make them more is left out. */
const MAX_FIELDS_LENGTH = 2_048;

const TRACEPARENT = /^00-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/;
const FIELDS = /^[\w*.+%=&-]+$/;
const BEGIN = "~";

/** Writes a trace context. @param fields by their names as headers; the first ones matter most */
export function traceOf(traceparent: string, fields: Readonly<Record<string, string>>): string {
  let written = "";
  for (const [name, value] of Object.entries(fields)) {
    const pair = new URLSearchParams([[name, value]]).toString();
    const longer = written === "" ? pair : `${written}&${pair}`;
    if (longer.length <= MAX_FIELDS_LENGTH) written = longer;
  }
  return written === "" ? traceparent : `${BEGIN}${written} ${traceparent}`;
}

/** A trace context in its two parts: the `traceparent`, and the fields as they are written, `""` for none. */
export function partsOfTrace(trace: string): readonly [traceparent: string, fields: string] {
  const at = trace.length - TRACEPARENT_LENGTH;
  return [trace.slice(at), trace.slice(BEGIN.length, Math.max(at - 1, 0))];
}

/** Its fields by their names as headers, `traceparent` among them. */
export function fieldsOfTrace(trace: string): Record<string, string> {
  const [traceparent, fields] = partsOfTrace(trace);
  return { ...Object.fromEntries(new URLSearchParams(fields)), traceparent };
}

/**
 * Splits `<text> <trace context>`. JSON never ends so: behind a space that is not in a string, these characters are none. Who knows only
 * of a `traceparent` sees JSON that cannot be read, as with one who knows of neither.
 */
export function splitTrace(text: string): readonly [text: string, trace: string | undefined] {
  const at = text.length - TRACEPARENT_LENGTH;
  // Almost no text has one: this look at two characters is all that they pay.
  if (at < 1 || text[at - 1] !== " " || text[at + 2] !== "-") return [text, undefined];
  if (!TRACEPARENT.test(text.slice(at))) return [text, undefined];
  const before = text.slice(0, at - 1);
  const from = before.lastIndexOf(` ${BEGIN}`);
  const fields = from < 1 ? "" : before.slice(from + 1 + BEGIN.length);
  if (fields.length > MAX_FIELDS_LENGTH || !FIELDS.test(fields)) return [before, text.slice(at)];
  return [before.slice(0, from), text.slice(from + 1)];
}
