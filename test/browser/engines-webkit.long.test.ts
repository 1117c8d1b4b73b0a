import { afterAll, beforeAll, describe } from "vitest";
import type { Engine } from "../support/browsers/engine.ts";
import { launchWebKit } from "../support/browsers/webkit.ts";
import { enginePageSuite } from "../support/engine-page-suite.ts";
import { engineTabsSuite } from "../support/engine-tabs-suite.ts";
import { sharedTabsSuite } from "../support/shared-tabs-suite.ts";

describe("WebKit", () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await launchWebKit();
  });
  afterAll(() => engine?.close());

  enginePageSuite(() => engine, { cachesPages: true });
  engineTabsSuite(() => engine, { outlivesCrashes: false });
  sharedTabsSuite(() => engine, { outlivesCrashes: false });
});
