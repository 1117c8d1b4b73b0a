/** Servers whose routes are written in code: a file with routes, which the server's own file takes over. */
import type { Project } from "../project.ts";
import { typed, type Framework, type Scaffold, type Step } from "../scaffold.ts";
import { realtimeFile } from "./realtime.ts";

/** What differs between them. */
interface Server {
  readonly routes: string;
  /** What the server's own file takes over the routes with. */
  readonly mount: string;
  readonly guide: string;
  readonly devPackages?: readonly string[];
  readonly onBun?: boolean;
}

function serverScaffold(project: Project, server: Server): Scaffold {
  const { has, isModule, isTypeScript, importsTs, uses } = project;
  const base = has("src") ? "src/" : "";
  // Where `.js` is no module, `.mjs` is; Node takes either by `require` as well.
  const ts = isTypeScript ? "ts" : isModule ? "js" : "mjs";
  const imported = isTypeScript && !importsTs ? "js" : ts;
  const isRequired = !isTypeScript && !isModule;
  const { onBun = false } = server;
  const write = (template: string): string => typed(template, project).replaceAll("EXT", imported);
  const types = onBun ? "@types/bun" : "@types/node";
  const needed = isTypeScript ? [types, ...(server.devPackages ?? [])].filter((name) => !uses(name)) : [];
  const main = mainFileOf(project, base);
  const mount: Step = {
    text: main === undefined ? "In the file of your server" : `In ${main}`,
    lines: [
      isRequired
        ? `const { realtimeRoutes } = require("./realtime-routes.mjs");`
        : `import { realtimeRoutes } from "./realtime-routes.${imported}";`,
      server.mount,
    ],
  };
  const esm: Step = {
    text: "tidings is a package of ES modules, and this project compiles to CommonJS unless its package.json says otherwise",
    lines: [`npm pkg set type=module`],
  };
  return {
    files: [
      { path: `${base}realtime.${ts}`, text: realtimeFile(project, { onBun }) },
      { path: `${base}realtime-routes.${ts}`, text: write(server.routes) },
      { path: `${base}realtime-demo.${ts}`, text: write(DEMO) },
    ],
    devPackages: needed,
    steps: isTypeScript && !isModule && !onBun ? [mount, esm] : [mount],
    see: "/realtime-demo on your server",
    guide: server.guide,
  };
}

/** Where servers usually begin. */
function mainFileOf({ has }: Project, base: string): string | undefined {
  const names = ["index", "server", "app", "main"].flatMap((name) => ["ts", "js", "mjs"].map((end) => `${base}${name}.${end}`));
  return names.find(has);
}

/** Hono, on Node, Bun or elsewhere. */
export const hono: Framework = {
  name: "hono",
  title: "Hono",
  isIn: ({ uses }) => uses("hono"),
  scaffold: (project) =>
    serverScaffold(project, {
      routes: `import { Hono } from "hono";
import { handle } from "tidings";
import { page, post } from "./realtime-demo.EXT";
import { realtime } from "./realtime.EXT";

// Everybody may read every channel: \`authorize\` or \`middleware\` decides who may.
const stream = handle({ realtime });

export const realtimeRoutes = new Hono();

realtimeRoutes.get("/api/realtime", (c) => stream(c.req.raw));

// To see that events arrive. Delete these two, and realtime-demo, when you have.
realtimeRoutes.get("/realtime-demo", (c) => c.html(page));
realtimeRoutes.post("/realtime-demo", async (c) => new Response(null, { status: await post(await c.req.json()) }));
`,
      mount: `app.route("/", realtimeRoutes);`,
      guide: "access.md",
      onBun: project.isBun,
    }),
};

/** Express 4 and 5. */
export const express: Framework = {
  name: "express",
  title: "Express",
  isIn: ({ uses }) => uses("express"),
  scaffold: (project) =>
    serverScaffold(project, {
      routes: `import express from "express";
import { handle } from "tidings/node";
import { page, post } from "./realtime-demo.EXT";
import { realtime } from "./realtime.EXT";

export const realtimeRoutes = express.Router();

// Everybody may read every channel: \`authorize\` or \`middleware\` decides who may.
realtimeRoutes.get("/api/realtime", handle({ realtime }));

// To see that events arrive. Delete these two, and realtime-demo, when you have.
realtimeRoutes.get("/realtime-demo", (_req, res) => void res.type("html").send(page));
realtimeRoutes.post("/realtime-demo", express.json(), (req, res, next) => {
  post(req.body).then((status) => res.status(status).end(), next);
});
`,
      mount: "app.use(realtimeRoutes); // before what compresses",
      guide: "access.md",
      devPackages: ["@types/express"],
    }),
};

/** Fastify. */
export const fastify: Framework = {
  name: "fastify",
  title: "Fastify",
  isIn: ({ uses }) => uses("fastify"),
  scaffold: (project) =>
    serverScaffold(project, {
      routes: `⟦import type { FastifyInstance } from "fastify";
⟧import { handle } from "tidings/node";
import { page, post } from "./realtime-demo.EXT";
import { realtime } from "./realtime.EXT";

// Everybody may read every channel: \`authorize\` or \`middleware\` decides who may.
const stream = handle({ realtime });

export async function realtimeRoutes(app⟦: FastifyInstance⟧) {
  app.get("/api/realtime", (request, reply) => {
    reply.hijack(); // the stream writes to Node's own response
    stream(request.raw, reply.raw);
  });

  // To see that events arrive. Delete these two, and realtime-demo, when you have.
  app.get("/realtime-demo", (_request, reply) => reply.type("text/html").send(page));
  app.post("/realtime-demo", async (request, reply) => reply.code(await post(request.body)).send());
}
`,
      mount: "app.register(realtimeRoutes);",
      guide: "access.md",
    }),
};

/** Bun's own server. */
export const bun: Framework = {
  name: "bun",
  title: "Bun.serve",
  isIn: ({ isBun }) => isBun,
  scaffold: (project) =>
    serverScaffold(project, {
      routes: `import { handle } from "tidings";
import { page, post } from "./realtime-demo.EXT";
import { realtime } from "./realtime.EXT";

export const realtimeRoutes = {
  // Everybody may read every channel: \`authorize\` or \`middleware\` decides who may.
  "/api/realtime": { GET: handle({ realtime }) },

  // To see that events arrive. Delete this, and realtime-demo, when you have.
  "/realtime-demo": {
    GET: () => new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } }),
    POST: async (request⟦: Request⟧) => new Response(null, { status: await post(await request.json()) }),
  },
};
`,
      mount: "Bun.serve({ routes: { ...realtimeRoutes } });",
      guide: "access.md",
      onBun: true,
    }),
};

const DEMO = `import { isTidingsError } from "tidings";
import { realtime } from "./realtime.EXT";

/**
 * Emits what the page posts, and returns the status to answer with. Whoever finds the page can call this: check who it is before you
 * emit what is yours.
 */
export async function post(body⟦: unknown⟧)⟦: Promise<number>⟧ {
  try {
    // The schema checks what comes.
    await realtime.channel("demo").emit("chat.message", body⟦ as { text: string }⟧);
    return 204;
  } catch (error) {
    if (isTidingsError(error) && error.issues) return 400;
    throw error;
  }
}

/** Needs no library: an EventSource listens, and goes on by itself after a loss. */
export const page = \`<!doctype html>
<html lang="en">
  <meta charset="utf-8" />
  <meta name="viewport" content="width=device-width, initial-scale=1" />
  <title>Realtime</title>
  <link rel="icon" href="data:," />
  <style>
    :root { color-scheme: light dark; font: 16px/1.5 system-ui; }
    body { max-width: 36rem; margin: 4rem auto; padding: 0 1rem; }
    input, button { padding: 0.5rem 0.75rem; font: inherit; }
  </style>
  <h1>Realtime</h1>
  <p>What you send appears in every window.</p>
  <p role="status">connecting</p>
  <form><input aria-label="Message" autocomplete="off" required /> <button>Send</button></form>
  <ul></ul>
  <script type="module">
    const [status, form, input, list] = ["[role=status]", "form", "input", "ul"].map((name) => document.querySelector(name));
    const source = new EventSource("/api/realtime?channel=demo&at=-20"); // the newest 20 first
    source.onmessage = ({ data }) => {
      list.append(Object.assign(document.createElement("li"), { textContent: JSON.parse(data).data.text }));
    };
    source.addEventListener("connected", () => (status.textContent = "connected"));
    source.addEventListener("gap", () => location.reload()); // messages may be missing: show the current ones
    source.onerror = () => (status.textContent = "connecting");
    form.onsubmit = async (event) => {
      event.preventDefault();
      const headers = { "content-type": "application/json" };
      const body = JSON.stringify({ text: input.value });
      const { ok } = await fetch("/realtime-demo", { method: "POST", headers, body });
      if (ok) form.reset();
    };
  </script>
</html>
\`;
`;
