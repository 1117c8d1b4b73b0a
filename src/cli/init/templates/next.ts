import type { Project } from "../project.ts";
import { importPath, inTwoWindows, typed, type Framework } from "../scaffold.ts";
import { realtimeFile, validatorOf } from "./realtime.ts";
import { adminFile, resourcesScaffold, STREAM } from "./resources.ts";

/** Next.js, App Router. */
export const next: Framework = {
  name: "next",
  title: "Next.js (App Router)",
  isIn: ({ uses }) => uses("next"),
  scaffold(project) {
    const { has, isTypeScript } = project;
    const base = baseOf(project);
    const [ts, tsx] = isTypeScript ? ["ts", "tsx"] : ["js", "jsx"];
    const route = `${base}app/api/realtime/route.${ts}`;
    const demo = `${base}app/realtime-demo`;
    const name = (from: string, file: string): string => importPath(from, `${base}lib/${file}`, project);
    const pages = [
      { path: `${demo}/page.${tsx}`, text: PAGE },
      { path: `${demo}/demo.${tsx}`, text: typed(DEMO, project).replace("LIB", name(`${demo}/demo`, "realtime-client")) },
      { path: `${demo}/actions.${ts}`, text: typed(ACTIONS, project).replace("LIB", name(`${demo}/actions`, "realtime")) },
    ];
    // Without an App Router there is no layout that a page could stand in.
    const hasRouter = has(`${base}app`);
    return {
      files: [
        { path: `${base}lib/realtime.${ts}`, text: realtimeFile(project) },
        { path: `${base}lib/realtime-client.${ts}`, text: isTypeScript ? CLIENT : CLIENT_JS },
        { path: route, text: ROUTE.replace("LIB", name(route, "realtime")) },
        ...(hasRouter ? pages : []),
      ],
      packages: [validatorOf(project).name],
      later: hasRouter
        ? [
            {
              text: `One connection for the whole app: in ${base}app/layout.${tsx} (then take the provider out of realtime-demo/page.${tsx})`,
              lines: [
                `import { RealtimeProvider } from "tidings/client";`,
                "<body><RealtimeProvider>{children}</RealtimeProvider></body>",
              ],
            },
          ]
        : [
            {
              text: "This project has no folder app: route.ts works all the same. For your pages, in pages/_app",
              lines: [
                `import { RealtimeProvider } from "tidings/client";`,
                "<RealtimeProvider><Component {...pageProps} /></RealtimeProvider>",
              ],
            },
          ],
      see: inTwoWindows(hasRouter ? "http://localhost:3000/realtime-demo" : "http://localhost:3000/api/realtime"),
      guide: "nextjs.md",
    };
  },
  resources(project) {
    const base = baseOf(project);
    const ts = project.isTypeScript ? "ts" : "js";
    const admin = `${base}lib/admin.${ts}`;
    const route = `${base}app${STREAM}/route.${ts}`;
    const hook = `${base}instrumentation.${ts}`;
    const name = (from: string): string => importPath(from, `${base}lib/admin`, project);
    return resourcesScaffold({
      ...{ project, admin, origin: "http://localhost:3000" },
      files: [
        { path: admin, text: adminFile(project) },
        { path: route, text: STREAM_ROUTE.replace("LIB", name(route)) },
        { path: hook, text: INSTRUMENTATION.replace("LIB", name(hook)) },
      ],
    });
  },
};

/** Where `app` and `lib` are. */
function baseOf({ has }: Project): string {
  return has("src/app") || (has("src") && !has("app")) ? "src/" : "";
}

const STREAM_ROUTE = `import { stream } from "tidings/resources";
import { admin } from "LIB";

export const GET = stream(admin);
export const runtime = "nodejs";
export const dynamic = "force-dynamic";
`;

const INSTRUMENTATION = `// So that \`publishResource\` of a server action finds the admin, also in a process that has served no stream yet.
export async function register() {
  if (process.env.NEXT_RUNTIME === "nodejs") await import("LIB");
}
`;

const ROUTE = `import { handle } from "tidings";
import { realtime } from "LIB";

// Everybody may read every channel: \`authorize\` or \`middleware\` decides who may.
export const GET = handle({ realtime });
`;

const CLIENT = `"use client";

import { createRealtime } from "tidings/client";
import type { realtime } from "./realtime"; // a type: no server code comes with it

export const { useRealtime } = createRealtime<typeof realtime>();
`;

const CLIENT_JS = `"use client";

import { createRealtime } from "tidings/client";

export const { useRealtime } = createRealtime();
`;

const PAGE = `import { RealtimeProvider } from "tidings/client";
import { Demo } from "./demo";

// To see that events arrive. Delete this folder when you have.
export default function Page() {
  return (
    <RealtimeProvider>
      <Demo />
    </RealtimeProvider>
  );
}
`;

const DEMO = `"use client";

import { useState } from "react";
import { useRealtime } from "LIB";
import { send } from "./actions";

// Of its own, so that it looks the same where a style sheet resets everything.
const field = { padding: "0.5rem 0.75rem", border: "1px solid", borderRadius: "0.25rem", font: "inherit" };

export function Demo() {
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
      <form action={async (form) => setProblem(await send(form))}>
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

const ACTIONS = `"use server";

import { isTidingsError } from "tidings";
import { realtime } from "LIB";

/**
 * Returns what is wrong with the message; nothing when it was sent. Whoever finds the page can call this: check who it is before you
 * emit what is yours.
 */
export async function send(form⟦: FormData⟧) {
  try {
    // The schema checks what comes.
    await realtime.channel("demo").emit("chat.message", { text: String(form.get("text")) });
  } catch (error) {
    if (isTidingsError(error) && error.issues) return error.issues.map(({ message }) => message).join(" ");
    throw error;
  }
}
`;
