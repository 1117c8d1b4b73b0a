import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { runProxy, type RunningProxy } from "./proxies.ts";
import { freePort } from "./redis-server.ts";
import { SELF_SIGNED } from "./self-signed.ts";

const GUIDES = path.resolve(import.meta.dirname, "../../docs/guides/proxies");

/** What of a file is another on a machine of its own: the text, and what stands there then. */
type Changes = ReadonlyArray<readonly [text: string, instead: string]>;

interface Local {
  readonly folder: string;
  /** Where it listens. */
  readonly port: number;
}

interface GuideProxy {
  readonly file: string;
  readonly variable: string;
  readonly program: string;
  readonly args: (config: string) => readonly string[];
  readonly changes: (local: Local) => Changes;
}

/** The proxies for which `docs/guides/production.md` has a file. */
export type GuideProxyName = "nginx" | "haproxy" | "caddy";

const PROXIES: Readonly<Record<GuideProxyName, GuideProxy>> = {
  nginx: {
    file: "nginx.conf",
    variable: "NGINX_PATH",
    program: "nginx",
    args: (config) => ["-c", config, "-e", "stderr"],
    changes: ({ folder, port }) => [
      [
        "worker_processes auto;",
        `daemon off; pid ${folder}/pid; worker_processes 2;${process.getuid?.() === 0 ? " user root;" : ""}`,
      ],
      // More than a test's machine may have.
      ["worker_rlimit_nofile 65536;", ""],
      ["worker_connections 32768;", "worker_connections 512;"],
      [
        "http {",
        `http { access_log off; ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
          .map((name) => `${name}_temp_path ${folder}/${name};`)
          .join(" ")}`,
      ],
      ["listen 443 ssl http2;", `listen 127.0.0.1:${port} ssl http2;`],
      ["/etc/ssl/app/fullchain.pem", `${folder}/cert`],
      ["/etc/ssl/app/privkey.pem", `${folder}/key`],
    ],
  },
  haproxy: {
    file: "haproxy.cfg",
    variable: "HAPROXY_PATH",
    program: "haproxy",
    args: (config) => ["-f", config, "-db"],
    changes: ({ folder, port }) => [
      ["bind :443", `bind 127.0.0.1:${port}`],
      ["/etc/ssl/app.pem", `${folder}/both`],
    ],
  },
  caddy: {
    file: "Caddyfile",
    variable: "CADDY_PATH",
    program: "caddy",
    args: (config) => ["run", "--config", config, "--adapter", "caddyfile"],
    changes: ({ folder, port }) => [
      // Else it listens to port 80 too, and takes orders on port 2019.
      ["app.example.com {", `{\n\tadmin off\n\tauto_https disable_redirects\n}\nhttps://127.0.0.1:${port} {\n\tbind 127.0.0.1`],
      ["/etc/ssl/app/fullchain.pem", `${folder}/cert`],
      ["/etc/ssl/app/privkey.pem", `${folder}/key`],
    ],
  },
};

export const GUIDE_PROXIES: readonly GuideProxyName[] = Object.keys(PROXIES) as readonly GuideProxyName[];

/** The files, by their names. */
export const GUIDE_FILES: ReadonlyMap<string, string> = new Map(
  Object.values(PROXIES).map(({ file }) => [file, readFileSync(path.join(GUIDES, file), "utf8")]),
);

/**
 * Starts `$NGINX_PATH`, `$HAPROXY_PATH` or `$CADDY_PATH`, or what the PATH has, with the file of the guide before two servers. Only
 * addresses, certificates and what a test's machine may not give are others than in the file, and `more`.
 */
export async function startGuideProxy(
  name: GuideProxyName,
  servers: readonly [port: number, port: number],
  more: Changes = [],
): Promise<RunningProxy> {
  const { file, variable, program, args, changes } = PROXIES[name];
  const folder = mkdtempSync(path.join(tmpdir(), `tidings-${name}-`));
  const port = await freePort();
  const { cert, key } = SELF_SIGNED;
  for (const [part, text] of Object.entries({ cert, key, both: cert + key })) writeFileSync(path.join(folder, part), text);
  const config = path.join(folder, file);
  const upstreams = ["10.0.0.11:3000", "10.0.0.12:3000"].map((address, at) => [address, `127.0.0.1:${servers[at]}`] as const);
  const text = [...changes({ folder, port }), ...upstreams, ...more].reduce(
    (before, [what, instead]) => {
      if (!before.includes(what)) throw new Error(`${file} has no ${JSON.stringify(what)}`);
      return before.replaceAll(what, () => instead);
    },
    GUIDE_FILES.get(file) as string,
  );
  writeFileSync(config, text);
  return runProxy(process.env[variable] ?? program, args(config), { folder, port, scheme: "https" });
}
