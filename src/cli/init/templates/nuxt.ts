import type { Project } from "../project.ts";
import { inTwoWindows, typed, type Framework } from "../scaffold.ts";
import { realtimeFile, validatorOf } from "./realtime.ts";
import { adminFile, resourcesScaffold, STREAM } from "./resources.ts";

/** Nuxt, on Node. */
export const nuxt: Framework = {
  name: "nuxt",
  title: "Nuxt",
  isIn: ({ uses }) => uses("nuxt"),
  scaffold(given) {
    const { has, majorOf, uses } = given;
    const isTypeScript = writesTypeScript(given);
    const project = { ...given, isTypeScript };
    const ts = isTypeScript ? "ts" : "js";
    const app = has("app") || (majorOf("nuxt") ?? 4) >= 4 ? "app/" : "";
    return {
      files: [
        { path: `server/utils/realtime.${ts}`, text: realtimeFile(project) },
        { path: `server/api/realtime.get.${ts}`, text: ROUTE },
        { path: `server/api/realtime-demo.post.${ts}`, text: EMIT },
        { path: `${app}utils/realtime.${ts}`, text: isTypeScript ? CLIENT : CLIENT_JS },
        { path: `${app}components/RealtimeDemo.vue`, text: typed(DEMO, project) },
      ],
      packages: [validatorOf(project).name],
      devPackages: isTypeScript && !uses("@types/node") ? ["@types/node"] : [],
      steps: [
        { text: `To see an event, put this into the template of ${app}app.vue, or of a page`, lines: ["<RealtimeDemo />"] },
      ],
      later: [
        {
          text: `One connection for the whole app: in the script of ${app}app.vue (then take provideRealtime out of RealtimeDemo.vue)`,
          lines: [`import { provideRealtime } from "tidings/client/vue";`, "provideRealtime();"],
        },
      ],
      see: inTwoWindows("http://localhost:3000"),
      guide: "nuxt.md",
    };
  },
  resources(project) {
    const ts = writesTypeScript(project) ? "ts" : "js";
    const admin = `server/utils/admin.${ts}`;
    return resourcesScaffold({
      ...{ project, admin, origin: "http://localhost:3000" },
      files: [
        { path: admin, text: adminFile(project) },
        { path: `server${STREAM}.get.${ts}`, text: STREAM_ROUTE },
      ],
      packages: ["@hono/node-server"],
      devPackages: ts === "ts" && !project.uses("@types/node") ? ["@types/node"] : [],
    });
  },
};

/** Nuxt compiles TypeScript without being asked to; a project of JavaScript alone says so by its configuration. */
function writesTypeScript({ isTypeScript, has }: Project): boolean {
  return isTypeScript || !has("jsconfig.json");
}

// h3 does not tell a `Request` that its reader has left.
const STREAM_ROUTE = `import { getRequestListener } from "@hono/node-server";
import { stream } from "tidings/resources";

export default fromNodeMiddleware(getRequestListener(stream(admin)));
`;

const ROUTE = `import { handle } from "tidings/node";

// Everybody may read every channel: \`authorize\` or \`middleware\` decides who may.
export default fromNodeMiddleware(handle({ realtime }));
`;

const EMIT = `import { isTidingsError } from "tidings";

// Whoever finds the page can call this: check who it is before you emit what is yours.
export default defineEventHandler(async (event) => {
  try {
    // The schema checks what comes.
    await realtime.channel("demo").emit("chat.message", await readBody(event));
  } catch (error) {
    if (!isTidingsError(error) || !error.issues) throw error;
    throw createError({ statusCode: 400, message: error.issues.map(({ message }) => message).join(" ") });
  }
  return null;
});
`;

const CLIENT = `import { createRealtime } from "tidings/client/vue";
import type { realtime } from "~~/server/utils/realtime"; // a type: no server code comes with it

export const { useRealtime } = createRealtime<typeof realtime>();
`;

const CLIENT_JS = `import { createRealtime } from "tidings/client/vue";

export const { useRealtime } = createRealtime();
`;

const DEMO = `<script setup⟦ lang="ts"⟧>
// To see that events arrive. Delete this file, and server/api/realtime-demo.post, when you have.
import { ref } from "vue";
import { provideRealtime } from "tidings/client/vue";

const messages = ref⟦<{ id: string; text: string }[]>⟧([]);
const text = ref("");
const problem = ref("");

provideRealtime();
const { status } = useRealtime({
  channels: ["demo"],
  history: { limit: 20 }, // the newest 20 first
  onData: ({ id, data }) => messages.value.push({ id, ...data }),
  onGap: () => location.reload(), // messages may be missing: show the current ones
});

async function send() {
  problem.value = "";
  try {
    await $fetch("/api/realtime-demo", { method: "POST", body: { text: text.value } });
    text.value = "";
  } catch (error) {
    problem.value = (error⟦ as { data?: { message?: string } }⟧).data?.message ?? "The message was not sent.";
  }
}
</script>

<template>
  <main style="max-width: 36rem; margin: 4rem auto; padding: 0 1rem; font-family: system-ui">
    <h1>Realtime</h1>
    <p>What you send appears in every window.</p>
    <p role="status">{{ status }}</p>
    <p v-if="problem" role="alert">{{ problem }}</p>
    <form @submit.prevent="send">
      <input v-model="text" aria-label="Message" autocomplete="off" required /> <button>Send</button>
    </form>
    <ul>
      <li v-for="message in messages" :key="message.id">{{ message.text }}</li>
    </ul>
  </main>
</template>

<style scoped>
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
