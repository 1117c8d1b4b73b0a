/** Shorter ones stand everywhere in a text, and hide nothing. */
const MIN_SECRET_LENGTH = 4;

/** What of these headers is nobody's business: each value whole, and what of it stands for somebody. */
export function secretsOf(headers: Readonly<Record<string, string>>): string[] {
  return Object.entries(headers).flatMap(([name, value]) => [value, ...partsOf(name, value)]);
}

function partsOf(name: string, value: string): string[] {
  if (name === "cookie") return value.split(";").map((pair) => pair.slice(pair.indexOf("=") + 1).trim());
  if (name !== "authorization") return [];
  const [scheme = "", credentials = ""] = value.split(/\s+/, 2);
  if (!/^basic$/i.test(scheme)) return [credentials];
  const pair = Buffer.from(credentials, "base64").toString("utf8");
  return [credentials, pair, pair.slice(pair.indexOf(":") + 1)];
}

/** The text without these secrets, also where they stand encoded: a server can repeat what it was given. */
export function withoutSecretsIn(text: string, secrets: readonly string[]): string {
  const written = secrets.flatMap((secret) => [secret, encodeURIComponent(secret), decoded(secret)]);
  // The longest first: one may be a part of another.
  const hidden = written.filter(({ length }) => length >= MIN_SECRET_LENGTH).toSorted((a, b) => b.length - a.length);
  return hidden.reduce((rest, secret) => rest.replaceAll(secret, "***"), text);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
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
