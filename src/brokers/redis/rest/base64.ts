/**
 * What the REST service answers, as Redis answered it: with `Upstash-Encoding: base64` each text is encoded, in arrays too, but for
 * `OK`, which no encoded text can be.
 */
export function decodeReply(reply: unknown): unknown {
  if (Array.isArray(reply)) return reply.map(decodeReply);
  return typeof reply === "string" && reply !== "OK" ? decodeText(reply) : reply;
}

/** @throws an error of the platform's for what is not base64 */
function decodeText(encoded: string): string {
  const binary = atob(encoded);
  // Most is ASCII, and this spares it the way over bytes.
  if (!/[\u0080-\u00ff]/.test(binary)) return binary;
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(binary, (character) => character.charCodeAt(0)));
}
