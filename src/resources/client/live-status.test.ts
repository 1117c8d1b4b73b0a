import { describe, expect, it } from "vitest";
import type { ConnectionStatus } from "../../client/core.ts";
import { foldStatus, type LiveStatus } from "./live-status.ts";

/** What is said when the connection goes through these. */
function through(...statuses: ReadonlyArray<ConnectionStatus | "no network">): LiveStatus[] {
  let status: LiveStatus = "idle";
  return statuses.map((next) => {
    const isOnline = next !== "no network";
    return (status = foldStatus(status, isOnline ? next : "disconnected", isOnline));
  });
}

describe("P-14: how a subscription stands", () => {
  it("is live when the connection is, and stays so while another channel is added", () => {
    expect(through("connecting", "connected", "connecting", "connected")).toEqual(["connecting", "live", "live", "live"]);
  });

  it("is reconnecting from a loss on until it is back", () => {
    expect(through("connecting", "connected", "disconnected", "connecting", "disconnected", "connecting", "connected")).toEqual(
      [...["connecting", "live"], ...["reconnecting", "reconnecting", "reconnecting", "reconnecting"], "live"],
    );
    expect(through("connecting", "disconnected", "connecting")).toEqual(["connecting", "reconnecting", "reconnecting"]);
  });

  it("is offline without a network, and when the server refuses", () => {
    expect(through("connecting", "connected", "no network", "connecting", "connected")).toEqual([
      ...["connecting", "live", "offline", "reconnecting", "live"],
    ]);
    expect(through("connecting", "error", "connecting")).toEqual(["connecting", "offline", "reconnecting"]);
  });
});
