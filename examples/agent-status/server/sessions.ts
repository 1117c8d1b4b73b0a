/** Your own way to know a session. Here every visitor gets one. */
const sessions = new Map<string, string>();

export function createSession(): string {
  const session = crypto.randomUUID();
  sessions.set(session, `visitor-${sessions.size + 1}`);
  return `session=${session}; Path=/; HttpOnly; SameSite=Lax`;
}

export function userOf(request: Request): string | undefined {
  return sessions.get(/\bsession=([\w-]+)/.exec(request.headers.get("cookie") ?? "")?.[1] ?? "");
}
