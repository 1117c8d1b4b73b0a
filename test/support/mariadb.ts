import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { freePort } from "./redis-server.ts";
import { until } from "./until.ts";

/** A real MariaDB of the test's own, which lets everybody in as `root`. */
export interface MariaDb extends AsyncDisposable {
  /** The address of a database of its own, empty. */
  readonly url: string;
}

const DATABASE = "tidings";

/** Starts `$MARIADB_SERVER`, or `mariadbd` from the PATH, on an empty folder. */
export async function startMariaDb(): Promise<MariaDb> {
  const folder = mkdtempSync(path.join(tmpdir(), "tidings-mariadb-"));
  // A folder is a database.
  mkdirSync(path.join(folder, "data", DATABASE), { recursive: true });
  const port = await freePort();
  const options = [
    ...["--no-defaults", `--datadir=${folder}/data`, `--socket=${folder}/socket`, `--pid-file=${folder}/pid`, "--user=root"],
    // No tables of users: nobody is asked who they are, and the port is opened all the same.
    ...["--skip-grant-tables", "--skip-networking=0", "--bind-address=127.0.0.1", `--port=${port}`],
  ];
  const child = spawn(process.env["MARIADB_SERVER"] ?? "mariadbd", options, { stdio: "ignore" });
  const left = once(child, "exit");
  await once(child, "spawn");
  await until("a greeting of MariaDB", () => greets(port));
  return {
    url: `mysql://root@127.0.0.1:${port}/${DATABASE}`,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await left;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** It speaks first. */
function greets(port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("data", () => {
      resolve(true);
      socket.destroy();
    });
    socket.once("error", () => resolve(undefined));
    socket.once("close", () => resolve(undefined));
  });
}
