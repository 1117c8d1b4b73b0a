import { expect } from "vitest";
import { examineEndpoint, type EndpointOptions } from "../../src/cli/doctor/endpoint/examine.ts";
import { handle, Realtime } from "../../src/index.ts";
import { fetchListener, serve, type TestServer } from "./http-server.ts";

/** Who is let in. */
export const COOKIE = { cookie: "session=open-sesame" } as const;

/** An endpoint that lets nobody in but {@link COOKIE}: there is nothing that the doctor could find. */
export async function serveWell(): Promise<TestServer> {
  const realtime = new Realtime({ redis: { driver: "memory" }, keyPrefix: `doctor-${Math.random()}` });
  const middleware = ({ request }: { readonly request: Request }): Response | undefined =>
    request.headers.get("cookie") === COOKIE.cookie ? undefined : new Response("Who are you?", { status: 401 });
  const server = await serve(fetchListener(handle({ realtime, middleware })));
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await realtime.close();
    },
  };
}

/** What the doctor finds that is not as it should be, as `"problem buffered"`. Whatever it finds, it repeats no secret and knows a cure. */
export async function complaints(url: string, options: Partial<EndpointOptions> = {}): Promise<string[]> {
  const findings = await examineEndpoint({ url, headers: COOKIE, ...options });
  expect(JSON.stringify(findings)).not.toContain("open-sesame");
  for (const { severity, cure } of findings) expect(cure === undefined, severity).toBe(severity === "ok");
  return findings.flatMap(({ id, severity }) => (severity === "ok" ? [] : [`${severity} ${id}`]));
}
