import { inTwoWindows, typed, type Framework } from "../scaffold.ts";
import { realtimeFile, validatorOf } from "./realtime.ts";
import { adminFile, resourcesScaffold, STREAM } from "./resources.ts";

/** TanStack Start with React. */
export const tanstackStart: Framework = {
  name: "tanstack-start",
  title: "TanStack Start",
  isIn: ({ uses }) => uses("@tanstack/react-start"),
  scaffold(project) {
    const { isTypeScript } = project;
    const [ts, tsx] = isTypeScript ? ["ts", "tsx"] : ["js", "jsx"];
    return {
      files: [
        { path: `src/lib/realtime.${ts}`, text: realtimeFile(project) },
        { path: `src/lib/realtime-client.${ts}`, text: isTypeScript ? CLIENT : CLIENT_JS },
        { path: `src/lib/realtime-demo.${ts}`, text: typed(SEND, project) },
        { path: `src/routes/api/realtime.${ts}`, text: ROUTE },
        { path: `src/routes/realtime-demo.${tsx}`, text: typed(DEMO, project) },
      ],
      packages: [validatorOf(project).name],
      later: [
        {
          text: `One connection for the whole app: in the shell of src/routes/__root.${tsx} (then take the provider out of realtime-demo.${tsx})`,
          lines: [`import { RealtimeProvider } from "tidings/client";`, "<RealtimeProvider>{children}</RealtimeProvider>"],
        },
      ],
      see: inTwoWindows("http://localhost:3000/realtime-demo"),
      guide: "tanstack-start.md",
    };
  },
  resources(project) {
    const ts = project.isTypeScript ? "ts" : "js";
    const admin = `src/lib/admin.${ts}`;
    return resourcesScaffold({
      ...{ project, admin, origin: "http://localhost:3000" },
      files: [
        { path: admin, text: adminFile(project) },
        { path: `src/routes${STREAM}.${ts}`, text: STREAM_ROUTE },
      ],
    });
  },
};

const STREAM_ROUTE = `import { createFileRoute } from "@tanstack/react-router";
import { stream } from "tidings/resources";
import { admin } from "../../../lib/admin";

export const Route = createFileRoute("${STREAM}")({
  server: {
    handlers: {
      GET: ({ request }) => stream(admin)(request),
    },
  },
});
`;

const CLIENT = `import { createRealtime } from "tidings/client";
import type { realtime } from "./realtime"; // a type: no server code comes with it

export const { useRealtime } = createRealtime<typeof realtime>();
`;

const CLIENT_JS = `import { createRealtime } from "tidings/client";

export const { useRealtime } = createRealtime();
`;

const ROUTE = `import { createFileRoute } from "@tanstack/react-router";
import { handle } from "tidings";
import { realtime } from "../../lib/realtime";

// Everybody may read every channel: \`authorize\` or \`middleware\` decides who may.
export const Route = createFileRoute("/api/realtime")({
  server: {
    handlers: {
      GET: ({ request }) => handle({ realtime })(request),
    },
  },
});
`;

const SEND = `import { createServerFn } from "@tanstack/react-start";
import { isTidingsError } from "tidings";
import { realtime } from "./realtime";

/**
 * Returns what is wrong with the message; nothing when it was sent. Whoever finds the page can call this: check who it is before you
 * emit what is yours.
 */
export const send = createServerFn({ method: "POST" })
  .validator((message⟦: { text: string }⟧) => message) // the schema of the event checks it
  .handler(async ({ data }) => {
    try {
      await realtime.channel("demo").emit("chat.message", data);
    } catch (error) {
      if (isTidingsError(error) && error.issues) return error.issues.map(({ message }) => message).join(" ");
      throw error;
    }
  });
`;

const DEMO = `import { createFileRoute } from "@tanstack/react-router";
import { useState } from "react";
import { RealtimeProvider } from "tidings/client";
import { useRealtime } from "../lib/realtime-client";
import { send } from "../lib/realtime-demo";

// To see that events arrive. Delete this file, and lib/realtime-demo, when you have.
export const Route = createFileRoute("/realtime-demo")({
  component: () => (
    <RealtimeProvider>
      <Demo />
    </RealtimeProvider>
  ),
});

// Of its own, so that it looks the same where a style sheet resets everything.
const field = { padding: "0.5rem 0.75rem", border: "1px solid", borderRadius: "0.25rem", font: "inherit" };

function Demo() {
  const [messages, setMessages] = useState⟦<{ id: string; text: string }[]>⟧([]);
  const [problem, setProblem] = useState⟦<string>⟧();
  const { status } = useRealtime({
    channels: ["demo"],
    history: { limit: 20 }, // the newest 20 first
    onData: ({ id, data }) => setMessages((all) => [...all, { id, ...data }]),
    onGap: () => location.reload(), // messages may be missing: show the current ones
  });

  return (
    <main style={{ maxWidth: "36rem", margin: "4rem auto", padding: "0 1rem", fontFamily: "system-ui" }}>
      <h1 style={{ fontSize: "2rem", fontWeight: 700 }}>Realtime</h1>
      <p>What you send appears in every window.</p>
      <p role="status">{status}</p>
      {problem !== undefined && <p role="alert">{problem}</p>}
      <form
        onSubmit={async (event) => {
          event.preventDefault();
          const form = event.currentTarget;
          const problem = await send({ data: { text: String(new FormData(form).get("text")) } });
          setProblem(problem);
          if (problem === undefined) form.reset(); // else the text stays
        }}
      >
        <input name="text" aria-label="Message" autoComplete="off" required style={field} /> <button style={field}>Send</button>
      </form>
      <ul>
        {messages.map(({ id, text }) => (
          <li key={id}>{text}</li>
        ))}
      </ul>
    </main>
  );
}
`;
