import { afterAll, beforeAll, describe } from "vitest";
import type { Engine } from "../support/browsers/engine.ts";
import { launchChromium } from "../support/browsers/chromium.ts";
import { enginePageSuite } from "../support/engine-page-suite.ts";
import { engineTabsSuite } from "../support/engine-tabs-suite.ts";

describe("Chromium", () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await launchChromium();
  });
  afterAll(() => engine?.close());

  enginePageSuite(() => engine, { cachesPages: true });
  engineTabsSuite(() => engine, { outlivesCrashes: true });
});
