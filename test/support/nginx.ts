import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { freePort } from "./redis-server.ts";
import { until } from "./until.ts";

/** A real nginx of the test's own, before some servers. */
export interface Nginx extends AsyncDisposable {
  readonly url: string;
  /** Kills it with all of its workers. */
  kill(): Promise<void>;
  /** Starts it, at first or after `kill`. Resolves when it answers. */
  start(): Promise<void>;
  /** Reads its configuration again: new workers take over, old ones end within a second. */
  reload(): void;
}

/**
 * As small as it can be for a test's folder, and otherwise as distributions deliver it: with compression and with buffers.
 *
 * `max_fails=0`: nginx takes a server that failed once for well again when a request to it has ended, and a stream does not end. Until
 * then it lets one request through in each `fail_timeout`: a thousand readers would need an hour to come back.
 */
const configOf = (folder: string, port: number, upstreams: readonly number[]): string => `
daemon off;
user root;
pid ${folder}/pid;
error_log /dev/null;
worker_processes 2;
worker_rlimit_nofile 20000;
worker_shutdown_timeout 1s;
events { worker_connections 8000; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  gzip on;
  gzip_types text/event-stream application/json;
  upstream servers {
    ${upstreams.map((upstream) => `server 127.0.0.1:${upstream} max_fails=0;`).join("\n    ")}
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://servers;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_read_timeout 60s;
    }
  }
}
`;

/** Starts `$NGINX_PATH`, or `nginx` from the PATH, before servers on these ports of 127.0.0.1. */
export async function startNginx(upstreams: readonly number[]): Promise<Nginx> {
  const folder = mkdtempSync(path.join(tmpdir(), "tidings-nginx-"));
  const port = await freePort();
  const config = path.join(folder, "nginx.conf");
  // Without root there is nobody to become.
  const text = configOf(folder, port, upstreams);
  writeFileSync(config, process.getuid?.() === 0 ? text : text.replace("user root;", ""));
  const url = `http://127.0.0.1:${port}`;
  let running: ReturnType<typeof spawn> | undefined;

  async function start(): Promise<void> {
    const child = spawn(process.env["NGINX_PATH"] ?? "nginx", ["-c", config, "-e", "/dev/null"], {
      stdio: "ignore",
      // Its workers outlive it: they are ended with their group.
      detached: true,
    });
    running = child;
    await once(child, "spawn");
    // Also when nobody is behind it: a 502 is an answer.
    await until("an answer of nginx", async () => (await fetch(url)).status);
  }

  async function kill(): Promise<void> {
    const child = running;
    running = undefined;
    if (child?.pid === undefined || child.exitCode !== null) return;
    const exited = once(child, "exit");
    process.kill(-child.pid, "SIGKILL");
    await exited;
  }

  const killAtOnce = (): void => {
    if (running?.pid !== undefined) process.kill(-running.pid, "SIGKILL");
  };
  // A run that is ended before its tests are ends its own group of processes, and this is another.
  process.once("exit", killAtOnce);

  await start();
  return {
    url,
    start,
    kill,
    reload: () => void running?.kill("SIGHUP"),
    async [Symbol.asyncDispose]() {
      await kill();
      process.off("exit", killAtOnce);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
