import { WIRE_CODES, type RefusalCode } from "../protocol/codes.ts";

/** An answer instead of a stream: a status, a code that the client understands, and a sentence for the person who reads it. */
export class Refusal {
  readonly code: RefusalCode;
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: RefusalCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    this.code = code;
    this.message = message;
    this.headers = headers;
  }

  toResponse(): Response {
    const { code, message } = this;
    return new Response(`${JSON.stringify({ code, message })}\n`, {
      status: WIRE_CODES[code].status ?? 500,
      headers: { "content-type": "application/json", "cache-control": "no-store", ...this.headers },
    });
  }
}
