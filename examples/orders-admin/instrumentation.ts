/** So that `publishResource` of a server action finds the admin, also in a process that has served no stream yet. */
export async function register(): Promise<void> {
  if (process.env.NEXT_RUNTIME === "nodejs") await import("./lib/admin");
}
