/** What live lists get in every framework: the admin, and the words about it. Each has a route of its own form. */
import type { Project } from "../project.ts";
import type { Scaffold, Step } from "../scaffold.ts";
import type { Environment } from "./realtime.ts";

/** The address that the hooks ask without being told one. */
export const STREAM = "/api/flowpanel/stream";

/** `admin.ts`. */
export function adminFile({ uses, packageManager }: Project, env?: Environment): string {
  const install = packageManager === "npm" ? "npm i" : `${packageManager} add`;
  const once = uses("ioredis") || uses("redis") ? "" : `${install} ioredis, and `;
  return `${env ? `${env.imports}\n` : ""}import { defineAdmin } from "tidings/resources";

const url = ${env?.name ?? "process.env"}.REDIS_URL;

export const admin = defineAdmin({
  // Everybody may hear which rows change, of any resource: \`auth\` and \`resources\` decide who may hear of what.
  // Told within this process, until there is a Redis: ${once}set REDIS_URL.
  realtime: url ? { driver: "redis", url } : undefined,
});
`;
}

/** What {@link resourcesScaffold} needs to know. */
export interface ResourcesParts extends Pick<Scaffold, "files" | "packages" | "devPackages" | "steps"> {
  readonly project: Project;
  /** Where the admin is. */
  readonly admin: string;
  /** Where the server is found while it is developed. */
  readonly origin: string;
}

export function resourcesScaffold({ project, admin, origin, ...given }: ResourcesParts): Scaffold {
  return {
    ...given,
    later: [
      {
        text: `Name what has live lists, in ${admin} (a table of Drizzle, or a name)`,
        lines: [`import { resource } from "tidings/resources";`, `resources: [resource("orders", { realtime: true })],`],
      },
      {
        text: "After a write, in any code of the server",
        lines: [
          `import { publishResource } from "tidings/resources";`,
          `await publishResource("orders", { action: "update", id });`,
        ],
      },
      project.uses("react") ? IN_A_COMPONENT : IN_A_PAGE,
    ],
    see: {
      text: `Start it, and listen: "event: ready" comes at once, and a message with each change`,
      lines: [`curl -N "${origin}${STREAM}?channel=resource.orders"`],
    },
    guide: "live-lists.md",
  };
}

const IN_A_COMPONENT: Step = {
  text: "In a component, with the function that fetches its rows",
  lines: [`import { useLiveResource } from "tidings/resources/client";`, `useLiveResource("orders", refetch);`],
};

const IN_A_PAGE: Step = {
  text: "In a page, with the function that fetches its rows: when it is ready, and with each change",
  lines: [
    `const source = new EventSource("${STREAM}?channel=resource.orders");`,
    `for (const event of ["ready", "message"]) source.addEventListener(event, () => refetch());`,
  ],
};
