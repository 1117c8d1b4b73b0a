/** Called once, when the server starts. */
export async function register() {
  if (process.env.NEXT_RUNTIME !== "nodejs" || process.env.QSTASH_TOKEN) return;
  const { startQStash } = await import("./stand-in/qstash");
  const { url, token } = await startQStash();
  Object.assign(process.env, { QSTASH_URL: url, QSTASH_TOKEN: token });
  console.log(`QSTASH_TOKEN is not set: a stand-in for QStash plays its part in this process, at ${url}. Runs end with it.`);
}
