import { parseSigned, serializeSigned } from "hono/utils/cookie";

if (process.env.NODE_ENV === "production" && !process.env.SESSION_SECRET) throw new Error("Set SESSION_SECRET.");
const secret = process.env.SESSION_SECRET || "for development only";

/** Your own way to know a session. Here every visitor gets one, a signed name: a server that starts again knows it, too. */
export function createSession(): Promise<string> {
  const visitor = `visitor-${crypto.randomUUID()}`;
  return serializeSigned("session", visitor, secret, { path: "/", httpOnly: true, sameSite: "Lax" });
}

export async function userOf(request: Request): Promise<string | undefined> {
  const { session } = await parseSigned(request.headers.get("cookie") ?? "", secret, "session");
  return session || undefined;
}
