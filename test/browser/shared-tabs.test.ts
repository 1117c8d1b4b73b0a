import { afterAll, beforeAll, describe } from "vitest";
import type { Engine } from "../support/browsers/engine.ts";
import { launchChromium } from "../support/browsers/chromium.ts";
import { sharedTabsSuite } from "../support/shared-tabs-suite.ts";

describe("tabs of Chromium that share a connection", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await launchChromium();
  });
  afterAll(() => engine?.close());
  sharedTabsSuite(() => engine, { outlivesCrashes: true });
});
