/** Your own way to know a session. This one forgets them when the server ends. */
const sessions = new Map<string, string>();

export function signIn(user: string): string {
  const session = crypto.randomUUID();
  sessions.set(session, user);
  return `session=${session}; Path=/; HttpOnly; SameSite=Lax`;
}

export function userOf(request: Request): string | undefined {
  return sessions.get(/\bsession=([\w-]+)/.exec(request.headers.get("cookie") ?? "")?.[1] ?? "");
}
