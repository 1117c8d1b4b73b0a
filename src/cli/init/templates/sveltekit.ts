import { inTwoWindows, typed, type Framework } from "../scaffold.ts";
import { realtimeFile, validatorOf, type Environment } from "./realtime.ts";
import { adminFile, resourcesScaffold, STREAM } from "./resources.ts";

const ENV: Environment = { name: "env", imports: `import { env } from "$env/dynamic/private";` };

/** SvelteKit. */
export const sveltekit: Framework = {
  name: "sveltekit",
  title: "SvelteKit",
  isIn: ({ uses }) => uses("@sveltejs/kit"),
  scaffold(project) {
    const { isTypeScript, uses } = project;
    const ts = isTypeScript ? "ts" : "js";
    return {
      files: [
        { path: `src/lib/server/realtime.${ts}`, text: realtimeFile(project, { env: ENV }) },
        { path: `src/lib/realtime.${ts}`, text: isTypeScript ? CLIENT : CLIENT_JS },
        { path: `src/routes/api/realtime/+server.${ts}`, text: ROUTE },
        { path: `src/routes/realtime-demo/+page.svelte`, text: typed(DEMO, project) },
        { path: `src/routes/realtime-demo/+page.server.${ts}`, text: ACTION },
      ],
      packages: [validatorOf(project).name],
      devPackages: isTypeScript && !uses("@types/node") ? ["@types/node"] : [],
      later: [
        {
          text: "One connection for the whole app: in src/routes/+layout.svelte (then take provideRealtime out of realtime-demo/+page.svelte)",
          lines: [`import { provideRealtime } from "tidings/client/svelte";`, "provideRealtime();"],
        },
      ],
      see: inTwoWindows("http://localhost:5173/realtime-demo"),
      guide: "sveltekit.md",
    };
  },
  resources(project) {
    const ts = project.isTypeScript ? "ts" : "js";
    const admin = `src/lib/server/admin.${ts}`;
    return resourcesScaffold({
      ...{ project, admin, origin: "http://localhost:5173" },
      files: [
        { path: admin, text: adminFile(project, ENV) },
        { path: `src/routes${STREAM}/+server.${ts}`, text: typed(STREAM_ROUTE, project) },
      ],
    });
  },
};

const STREAM_ROUTE = `import { stream } from "tidings/resources";
import { admin } from "$lib/server/admin";⟦
import type { RequestHandler } from "./$types";⟧

const live = stream(admin);

export const GET⟦: RequestHandler⟧ = ({ request }) => live(request);
`;

const CLIENT = `import { createRealtime } from "tidings/client/svelte";
import type { realtime } from "./server/realtime"; // a type: no server code comes with it

export const { useRealtime } = createRealtime<typeof realtime>();
`;

const CLIENT_JS = `import { createRealtime } from "tidings/client/svelte";

export const { useRealtime } = createRealtime();
`;

const ROUTE = `import { handle } from "tidings";
import { realtime } from "$lib/server/realtime";

// Everybody may read every channel: \`authorize\` or \`middleware\` decides who may.
const stream = handle({ realtime });

export const GET = ({ request }) => stream(request);
`;

const DEMO = `<script⟦ lang="ts"⟧>
  // To see that events arrive. Delete this folder when you have.
  import { enhance } from "$app/forms";
  import { provideRealtime } from "tidings/client/svelte";
  import { useRealtime } from "$lib/realtime";

  let { form } = $props();
  let messages = $state⟦<{ id: string; text: string }[]>⟧([]);

  provideRealtime();
  const { status } = useRealtime({
    channels: ["demo"],
    history: { limit: 20 }, // the newest 20 first
    onData: ({ id, data }) => messages.push({ id, ...data }),
    onGap: () => location.reload(), // messages may be missing: show the current ones
  });
</script>

<main>
  <h1>Realtime</h1>
  <p>What you send appears in every window.</p>
  <p role="status">{$status}</p>
  {#if form?.problem}<p role="alert">{form.problem}</p>{/if}
  <form method="POST" use:enhance>
    <input name="text" aria-label="Message" autocomplete="off" required /> <button>Send</button>
  </form>
  <ul>
    {#each messages as { id, text } (id)}
      <li>{text}</li>
    {/each}
  </ul>
</main>

<style>
  main {
    max-width: 36rem;
    margin: 4rem auto;
    padding: 0 1rem;
    font-family: system-ui;
  }
  /* Of its own, so that it looks the same where a style sheet resets everything. */
  h1 {
    font-size: 2rem;
    font-weight: 700;
  }
  input,
  button {
    padding: 0.5rem 0.75rem;
    border: 1px solid;
    border-radius: 0.25rem;
    font: inherit;
  }
</style>
`;

const ACTION = `import { fail } from "@sveltejs/kit";
import { isTidingsError } from "tidings";
import { realtime } from "$lib/server/realtime";

// Whoever finds the page can call this: check who it is before you emit what is yours.
export const actions = {
  default: async ({ request }) => {
    const form = await request.formData();
    try {
      // The schema checks what comes.
      await realtime.channel("demo").emit("chat.message", { text: String(form.get("text")) });
    } catch (error) {
      if (!isTidingsError(error) || !error.issues) throw error;
      return fail(400, { problem: error.issues.map(({ message }) => message).join(" ") });
    }
  },
};
`;
