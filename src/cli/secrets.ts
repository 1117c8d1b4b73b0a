/** Shorter ones stand everywhere in a text, and hide nothing. */
const MIN_SECRET_LENGTH = 4;

/** What hides these secrets in a text: a server can repeat what it was given. */
export function hiding(secrets: readonly string[]): (text: string) => string {
  const hidden = secrets.filter((secret) => secret.length >= MIN_SECRET_LENGTH);
  return (text) => hidden.reduce((rest, secret) => rest.replaceAll(secret, "***"), text);
}

/** The password of a URL, as it stands there and as it is meant. */
export function passwordsOf(url: string | undefined): string[] {
  const { password } = url !== undefined && URL.canParse(url) ? new URL(url) : { password: "" };
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}
