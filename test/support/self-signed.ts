import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** What a server over TLS needs. No browser trusts it unless it is told to trust everybody. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** Makes a certificate for this machine, signed by itself. Needs the program `openssl`. */
export function selfSigned(): Certificate {
  const folder = mkdtempSync(path.join(tmpdir(), "tidings-certificate-"));
  try {
    const [key, cert] = ["key.pem", "cert.pem"].map((name) => path.join(folder, name)) as [string, string];
    const made = ["-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=127.0.0.1"];
    execFileSync("openssl", ["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", ...made], {
      stdio: "pipe",
    });
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
