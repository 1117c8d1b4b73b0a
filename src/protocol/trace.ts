/** The W3C trace context of an event, as text: version 00, trace id, id of the span that emitted it, flags. */

/** How long a `traceparent` of version 00 is. */
const TRACEPARENT_LENGTH = 55;

const TRACEPARENT = /^00-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/;

/** Splits `<text> <traceparent>`. JSON never ends so: behind a space that is not in a string, these characters are none. */
export function splitTrace(text: string): readonly [text: string, trace: string | undefined] {
  const at = text.length - TRACEPARENT_LENGTH;
  // Almost no text has one: this look at two characters is all that they pay.
  if (at < 1 || text[at - 1] !== " " || text[at + 2] !== "-") return [text, undefined];
  const trace = text.slice(at);
  return TRACEPARENT.test(trace) ? [text.slice(0, at - 1), trace] : [text, undefined];
}
