import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { TRANSPORTS } from "../support/http-server.ts";
import { replay, transcriptsIn } from "../support/transcript.ts";

const transcripts = transcriptsIn(readFileSync(new URL("../../PROTOCOL.md", import.meta.url), "utf8"));

describe.each(Object.entries(TRANSPORTS))("PROTOCOL.md, replayed against the %s handler", (_, createListener) => {
  it.each(transcripts.map((transcript) => [transcript.title, transcript] as const))("%s", async (_title, transcript) => {
    await replay(transcript, createListener);
  });
});

describe("PROTOCOL.md", () => {
  it("has samples", () => {
    expect(transcripts.length).toBeGreaterThan(9);
  });
});
