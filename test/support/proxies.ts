import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { freePort } from "./redis-server.ts";
import { SELF_SIGNED } from "./self-signed.ts";
import { until } from "./until.ts";

/** A real proxy of the test's own, before a server of the test. */
export interface RunningProxy extends AsyncDisposable {
  readonly url: string;
}

/** What of nginx's configuration a test sets. */
export interface NginxConfig {
  /** What stands in the `location`. `PASS` is the `proxy_pass` to the server. */
  readonly location: string;
  /** What stands above the `server`. `FOLDER` is a folder of its own. */
  readonly http?: string;
  /** What stands behind `ssl` in `listen`, with TLS; nothing for none. */
  readonly tls?: string;
}

/** Starts `$NGINX_PATH`, or `nginx` from the PATH. What it is not told is as nginx has it. */
export async function startNginxWith(upstreamPort: number, { location, http = "", tls }: NginxConfig): Promise<RunningProxy> {
  const folder = mkdtempSync(path.join(tmpdir(), "tidings-nginx-"));
  const port = await freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};`);
  for (const [name, text] of Object.entries(SELF_SIGNED)) writeFileSync(path.join(folder, name), text);
  const config = path.join(folder, "nginx.conf");
  writeFileSync(
    config,
    `daemon off;
pid ${folder}/pid;
error_log /dev/null;
${process.getuid?.() === 0 ? "user root;" : ""}
events {}
http {
  access_log off;
  ${temporary.join("\n  ")}
  ${http.replaceAll("FOLDER", folder)}
  server {
    listen 127.0.0.1:${port}${tls === undefined ? "" : ` ssl ${tls}`};
    ${tls === undefined ? "" : `ssl_certificate ${folder}/cert; ssl_certificate_key ${folder}/key;`}
    location / {
      ${location.replaceAll("PASS", `proxy_pass http://127.0.0.1:${upstreamPort}`)}
    }
  }
}
`,
  );
  const args = ["-c", config, "-e", "/dev/null"];
  return runProxy(process.env["NGINX_PATH"] ?? "nginx", args, { folder, port, scheme: tls === undefined ? "http" : "https" });
}

/** What of haproxy's configuration a test sets: lines of these sections. */
export interface HaproxyConfig {
  readonly defaults: string;
  readonly backend?: string;
}

/** Starts `$HAPROXY_PATH`, or `haproxy` from the PATH. */
export async function startHaproxyWith(upstreamPort: number, { defaults, backend = "" }: HaproxyConfig): Promise<RunningProxy> {
  const folder = mkdtempSync(path.join(tmpdir(), "tidings-haproxy-"));
  const port = await freePort();
  const config = path.join(folder, "haproxy.cfg");
  writeFileSync(
    config,
    `defaults
  mode http
  timeout connect 5s
  ${defaults}
frontend in
  bind 127.0.0.1:${port}
  default_backend servers
backend servers
  ${backend}
  server one 127.0.0.1:${upstreamPort}
`,
  );
  return runProxy(process.env["HAPROXY_PATH"] ?? "haproxy", ["-f", config, "-db"], { folder, port, scheme: "http" });
}

/** Where a proxy works: in a folder that goes with it. */
export interface Place {
  readonly folder: string;
  readonly port: number;
  readonly scheme: string;
}

/** Starts a proxy that logs to stderr. Resolves when it listens. @throws Error with what it said, when it ends instead */
export async function runProxy(
  program: string,
  args: readonly string[],
  { folder, port, scheme }: Place,
): Promise<RunningProxy> {
  // Its workers outlive it: they are ended with their group. What it keeps at home, it keeps in its folder.
  const child = spawn(program, args, {
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
    env: { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder },
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  const exited = once(child, "exit");
  const kill = (): void => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, "SIGKILL");
  };
  // A run that is ended before its tests are ends its own group of processes, and this is another.
  process.once("exit", kill);
  const end = async (): Promise<void> => {
    kill();
    await exited;
    process.off("exit", kill);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await once(child, "spawn");
    await until(`${path.basename(program)} on port ${port}`, async () => {
      if (child.exitCode !== null) throw new Error(said);
      const socket = connect(port, "127.0.0.1");
      await once(socket, "connect");
      socket.destroy();
      return true;
    });
  } catch (error) {
    await end();
    throw error;
  }
  return { url: `${scheme}://127.0.0.1:${port}/api/realtime`, [Symbol.asyncDispose]: end };
}
