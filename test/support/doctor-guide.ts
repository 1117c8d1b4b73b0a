import { readFileSync } from "node:fs";
import { doctor } from "../../src/cli/doctor.ts";

const page = readFileSync(new URL("../../docs/guides/doctor.md", import.meta.url), "utf8");

/** What `docs/guides/doctor.md` says is printed, in its order: for an endpoint, for a Redis, and the help. */
export const SHOWN: readonly string[] = [...page.matchAll(/^```text\n([^]*?)\n```$/gm)].map(([, text = ""]) => text);

/** The ids in its table. */
export const LISTED: readonly string[] = [...page.matchAll(/^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \|/gm)].flatMap(([, ids = ""]) =>
  ids.replaceAll("`", "").split(", "),
);

/** What the doctor prints, with other names for what differs from run to run: `[what, name]`. */
export async function printed(
  args: readonly string[],
  names: ReadonlyArray<readonly [what: string | RegExp, name: string]>,
): Promise<string> {
  let text = "";
  await doctor.run(args, (line) => void (text += line));
  return names.reduce((rest, [what, name]) => rest.replaceAll(what, name), text);
}
