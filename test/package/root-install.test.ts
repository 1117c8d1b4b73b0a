import { lstatSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "./installed.ts";

interface Locked {
  readonly hasInstallScript?: boolean;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Lock {
  readonly packages: Readonly<Record<string, Locked>>;
}

describe("npm ci of the repository", () => {
  it("runs no install script", () => {
    const lock = JSON.parse(readFileSync(path.join(root, "package-lock.json"), "utf8")) as Lock;
    const withScript = Object.entries(lock.packages).filter(([, entry]) => entry.hasInstallScript === true);
    expect(withScript.map(([name]) => name)).toEqual([]);
  });

  it("takes its packages from the public registry alone", () => {
    const lock = JSON.parse(readFileSync(path.join(root, "package-lock.json"), "utf8")) as Lock;
    const places = Object.values(lock.packages).flatMap(({ resolved }) =>
      resolved === undefined ? [] : [new URL(resolved).host],
    );
    expect(places.filter((host) => host !== "registry.npmjs.org")).toEqual([]);
  });

  // npm writes a lock file that npm ci refuses when a registry lacks the binary of another platform.
  it("finds the binaries of every platform in the lock file, each with its hash", () => {
    const lock = JSON.parse(readFileSync(path.join(root, "package-lock.json"), "utf8")) as Lock;
    const wanted = Object.entries(lock.packages).flatMap(([folder, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).map((name) => [`${folder}/node_modules/${name}`, `node_modules/${name}`]),
    );
    expect(wanted.filter((places) => !places.some((place) => lock.packages[place]?.integrity !== undefined))).toEqual([]);
  });

  it("takes at most 250 MB, as `du -sm` counts", () => {
    let bytes = 0;
    for (const item of readdirSync(path.join(root, "node_modules"), { recursive: true, withFileTypes: true })) {
      if (item.isFile()) bytes += lstatSync(path.join(item.parentPath, item.name)).blocks * 512;
    }
    expect(bytes / 2 ** 20).toBeLessThanOrEqual(250);
  });
});
