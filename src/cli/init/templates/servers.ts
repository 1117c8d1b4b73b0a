/** Servers whose routes are written in code: a file with routes, which the server's own file takes over. */
import type { Project } from "../project.ts";
import { inTwoWindows, typed, type Framework, type Step } from "../scaffold.ts";
import { realtimeFile, validatorOf } from "./realtime.ts";
import { adminFile, resourcesScaffold, STREAM } from "./resources.ts";

/** What differs between them. */
interface Server {
  /** The routes of events. */
  readonly routes: string;
  /** The route of live lists. */
  readonly adminRoutes: string;
  /** What the server's own file takes over routes with; ROUTES stands for their name. */
  readonly mount: string;
  readonly guide: string;
  /** What live lists need besides. */
  readonly adminPackages?: readonly string[];
  readonly devPackages?: readonly string[];
}

/** A framework of this kind. */
type ServerFramework = Pick<Framework, "name" | "title" | "isIn"> &
  Server & { readonly isOnBun?: (project: Project) => boolean };

function serverFramework({ name, title, isIn, isOnBun = () => false, ...server }: ServerFramework): Framework {
  return {
    ...{ name, title, isIn },
    scaffold(project) {
      const onBun = isOnBun(project);
      const { base, ts, write, devPackages, mountOf } = hand(project, server, onBun);
      return {
        files: [
          { path: `${base}realtime.${ts}`, text: realtimeFile(project, { onBun }) },
          { path: `${base}realtime-routes.${ts}`, text: write(server.routes) },
          { path: `${base}realtime-demo.${ts}`, text: write(DEMO) },
        ],
        packages: [validatorOf(project).name],
        devPackages,
        steps: mountOf("realtimeRoutes", "realtime-routes"),
        see: inTwoWindows("/realtime-demo on your server"),
        guide: server.guide,
      };
    },
    resources(project) {
      const { base, ts, write, devPackages, mountOf } = hand(project, server, isOnBun(project));
      const admin = `${base}admin.${ts}`;
      return resourcesScaffold({
        ...{ project, admin, origin: "http://localhost:3000", devPackages },
        files: [
          { path: admin, text: adminFile(project) },
          { path: `${base}admin-routes.${ts}`, text: write(server.adminRoutes) },
        ],
        packages: server.adminPackages ?? [],
        steps: mountOf("adminRoutes", "admin-routes"),
      });
    },
  };
}

/** How files are written into this project, and taken over by the server's own. */
function hand(project: Project, { mount, devPackages = [] }: Server, onBun: boolean) {
  const { has, isModule, isTypeScript, importsTs, uses } = project;
  const base = has("src") ? "src/" : "";
  // Where `.js` is no module, `.mjs` is; Node takes either by `require` as well.
  const ts = isTypeScript ? "ts" : isModule ? "js" : "mjs";
  const imported = isTypeScript && !importsTs ? "js" : ts;
  const isRequired = !isTypeScript && !isModule;
  const types = onBun ? "@types/bun" : "@types/node";
  const main = mainFileOf(project, base);
  const esm: Step = {
    text: "tidings is a package of ES modules, and this project compiles to CommonJS unless its package.json says otherwise",
    lines: [`npm pkg set type=module`],
  };
  return {
    ...{ base, ts },
    write: (template: string): string => typed(template, project).replaceAll("EXT", imported),
    devPackages: isTypeScript ? [types, ...devPackages].filter((name) => !uses(name)) : [],
    mountOf(routes: string, file: string): Step[] {
      const load = isRequired
        ? `const { ${routes} } = require("./${file}.mjs");`
        : `import { ${routes} } from "./${file}.${imported}";`;
      const step: Step = {
        text: main === undefined ? "In the file of your server" : `In ${main}`,
        lines: [load, mount.replace("ROUTES", routes)],
      };
      return isTypeScript && !isModule && !onBun ? [step, esm] : [step];
    },
  };
}

/** Where servers usually begin. */
function mainFileOf({ has }: Project, base: string): string | undefined {
  const names = ["index", "server", "app", "main"].flatMap((name) => ["ts", "js", "mjs"].map((end) => `${base}${name}.${end}`));
  return names.find(has);
}

/** Hono, on Node, Bun or elsewhere. */
export const hono: Framework = serverFramework({
  name: "hono",
  title: "Hono",
  isIn: ({ uses }) => uses("hono"),
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
realtimeRoutes.post("/realtime-demo", async (c) => new Response(null, { status: await post(await c.req.json().catch(() => null)) }));
`,
  mount: `app.route("/", ROUTES);`,
  adminRoutes: `import { Hono } from "hono";
import { stream } from "tidings/resources";
import { admin } from "./admin.EXT";

const live = stream(admin);

export const adminRoutes = new Hono();

adminRoutes.get("${STREAM}", (c) => live(c.req.raw));
`,
  guide: "access.md",
  isOnBun: ({ isBun }) => isBun,
});

/** Express 4 and 5. */
export const express: Framework = serverFramework({
  name: "express",
  title: "Express",
  isIn: ({ uses }) => uses("express"),
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
  mount: "app.use(ROUTES); // before what compresses",
  adminRoutes: `import { getRequestListener } from "@hono/node-server";
import express from "express";
import { stream } from "tidings/resources";
import { admin } from "./admin.EXT";

export const adminRoutes = express.Router();

adminRoutes.get("${STREAM}", getRequestListener(stream(admin)));
`,
  adminPackages: ["@hono/node-server"],
  guide: "access.md",
  devPackages: ["@types/express"],
});

/** Fastify. */
export const fastify: Framework = serverFramework({
  name: "fastify",
  title: "Fastify",
  isIn: ({ uses }) => uses("fastify"),
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
  mount: "app.register(ROUTES);",
  adminRoutes: `import { getRequestListener } from "@hono/node-server";⟦
import type { FastifyInstance } from "fastify";⟧
import { stream } from "tidings/resources";
import { admin } from "./admin.EXT";

const live = getRequestListener(stream(admin));

export async function adminRoutes(app⟦: FastifyInstance⟧) {
  app.get("${STREAM}", (request, reply) => {
    reply.hijack(); // the stream writes to Node's own response
    live(request.raw, reply.raw);
  });
}
`,
  adminPackages: ["@hono/node-server"],
  guide: "access.md",
});

/** Bun's own server. */
export const bun: Framework = serverFramework({
  name: "bun",
  title: "Bun.serve",
  isIn: ({ isBun }) => isBun,
  routes: `import { handle } from "tidings";
import { page, post } from "./realtime-demo.EXT";
import { realtime } from "./realtime.EXT";

export const realtimeRoutes = {
  // Everybody may read every channel: \`authorize\` or \`middleware\` decides who may.
  "/api/realtime": { GET: handle({ realtime }) },

  // To see that events arrive. Delete this, and realtime-demo, when you have.
  "/realtime-demo": {
    GET: () => new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } }),
    POST: async (request⟦: Request⟧) => new Response(null, { status: await post(await request.json().catch(() => null)) }),
  },
};
`,
  mount: "Bun.serve({ routes: { ...ROUTES } });",
  adminRoutes: `import { stream } from "tidings/resources";
import { admin } from "./admin.EXT";

const live = stream(admin);

export const adminRoutes = {
  "${STREAM}": { GET: (request⟦: Request⟧) => live(request) },
};
`,
  guide: "access.md",
  isOnBun: () => true,
});

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
