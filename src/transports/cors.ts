import { TidingsError } from "../protocol/error.ts";
import { refuseUnknownOptions } from "../protocol/unknown-options.ts";

/** Which other origins may read streams. Off unless given. */
export interface CorsOptions {
  /** An origin such as `"https://app.example.com"`, several, or `"*"` for all (not together with `credentials`). */
  readonly origin: string | readonly string[];
  /** Whether cookies may come along. @default false */
  readonly credentials?: boolean | undefined;
}

const CORS_OPTIONS: Readonly<Record<keyof CorsOptions, true>> = { origin: true, credentials: true };

/** Headers for a request from `origin`; none when it may not read. */
export type CorsHeaders = (origin: string | null | undefined) => Readonly<Record<string, string>>;

/** @throws TidingsError `bad_option` when every origin could read with a visitor's cookies. */
export function createCors(options: CorsOptions | undefined): CorsHeaders {
  if (options === undefined) return () => ({});
  if (typeof options !== "object" || options === null)
    throw new TidingsError(
      "bad_option",
      '`cors` of `handle` is an object: `{ origin: "https://app.example.com" }`. Leave it out for none.',
    );
  refuseUnknownOptions("`cors` of `handle`", options, CORS_OPTIONS);
  const origins = typeof options.origin === "string" ? [options.origin] : options.origin;
  if (!Array.isArray(origins) || origins.some((origin) => typeof origin !== "string")) {
    throw new TidingsError("bad_option", "`cors.origin` of `handle` takes an origin or an array of origins, as strings.");
  }
  if (options.credentials !== undefined && typeof options.credentials !== "boolean")
    throw new TidingsError("bad_option", "`cors.credentials` of `handle` is a boolean.");
  const all = origins.includes("*");
  if (all && options.credentials) {
    throw new TidingsError(
      "bad_option",
      '`cors` of `handle` cannot have `origin: "*"` together with `credentials: true`: any site could read with your visitors\' cookies. Name the origins.',
    );
  }
  const credentials: Record<string, string> = options.credentials ? { "access-control-allow-credentials": "true" } : {};
  // Else a page of another origin could not read when it may come back.
  const allowed = { "access-control-expose-headers": "Retry-After", ...credentials };
  return (origin) => {
    if (all) return { "access-control-allow-origin": "*", ...allowed };
    if (!origin || !origins.includes(origin)) return { vary: "Origin" };
    return { "access-control-allow-origin": origin, vary: "Origin", ...allowed };
  };
}

/** The answer to a browser's question before a request with headers of its own. */
export function preflight(headers: Readonly<Record<string, string>>, requestedHeaders: string | null | undefined): Response {
  const allowed = requestedHeaders ? { "access-control-allow-headers": requestedHeaders } : {};
  return new Response(null, {
    status: 204,
    headers: { ...headers, "access-control-allow-methods": "GET", ...allowed, "access-control-max-age": "600" },
  });
}
