import { describe, expect, it } from "vitest";
import { closedError, refusedError, unansweredError, unsentError, versionProblem, type Attempt } from "./failures.ts";

const append: Attempt = { kind: "append", channel: "c", address: "h:1/0" };
const read: Attempt = { ...append, kind: "read" };

describe("an error reply", () => {
  it.each([
    ["LOADING Redis is loading the dataset in memory", "not_stored", "broker_unavailable", true],
    [
      "READONLY You can't write against a read only replica. script: 1f, on @user_script:5.",
      "not_stored",
      "broker_unavailable",
      true,
    ],
    ["MASTERDOWN Link with MASTER is down", "not_stored", "broker_unavailable", true],
    ["CLUSTERDOWN The cluster is down", "not_stored", "broker_unavailable", true],
    ["TRYAGAIN Multiple keys request during rehashing of slot", "not_stored", "broker_unavailable", true],
    ["BUSY Redis is busy running a script.", "not_stored", "broker_unavailable", true],
    ["MISCONF Redis is configured to save RDB snapshots", "not_stored", "broker_unavailable", true],
    // As Redis 6 tells of an error inside a script.
    [
      "ERR Error running script (call to f_1f): @user_script:4: -READONLY You can't write",
      "not_stored",
      "broker_unavailable",
      true,
    ],
    ["OOM command not allowed when used memory > 'maxmemory'.", "broker_refused", "broker_refused", true],
    ["WRONGTYPE Operation against a key holding the wrong kind of value", "broker_refused", "broker_refused", false],
    ["NOPERM this user has no permissions to run the 'eval' command", "broker_refused", "broker_refused", false],
    ["NOAUTH Authentication required.", "broker_refused", "broker_refused", false],
    ["MOVED 3999 127.0.0.1:6381", "broker_refused", "broker_refused", false],
    ["ERR unknown command 'EVAL'", "broker_refused", "broker_refused", false],
    ["something without a code", "broker_refused", "broker_refused", false],
  ])("%s", (text, forAppend, forRead, retryable) => {
    const cause = new Error(text);
    expect(refusedError(append, cause)).toMatchObject({ code: forAppend, retryable, cause });
    expect(refusedError(read, cause)).toMatchObject({ code: forRead, retryable, cause });
    expect(refusedError(read, cause).message).toContain(text);
  });
});

it("only an append that was sent has an unknown outcome", () => {
  expect(unansweredError(append, "x").code).toBe("outcome_unknown");
  expect(unansweredError(read, "x").code).toBe("broker_unavailable");
  expect(unsentError(append, "x").code).toBe("not_stored");
  expect(unsentError(read, "x").code).toBe("broker_unavailable");
  expect(closedError("h:1/0").code).toBe("closed");
});

describe("the version of a server", () => {
  it.each(["6.2.0", "6.2", "6.10.1", "7.0.15", "10.0.0", "6.2.0-rc1", "255.255.255"])("%s will do", (version) => {
    expect(versionProblem(version)).toBeUndefined();
  });

  it.each(["6.1.240", "6.0.20", "5.0.14", "5.9.0", "2.8.24"])("%s is too old", (version) => {
    expect(versionProblem(version)).toBe(`it is Redis ${version}, and tidings needs 6.2 or later: upgrade the server`);
  });

  it.each([undefined, "", "unknown", "v7"])("%j says nothing, and is not held against it", (version) => {
    expect(versionProblem(version)).toBeUndefined();
  });
});
