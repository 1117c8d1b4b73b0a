import { afterAll, beforeAll, describe } from "vitest";
import type { Engine } from "../support/browsers/engine.ts";
import { launchFirefox } from "../support/browsers/firefox.ts";
import { enginePageSuite } from "../support/engine-page-suite.ts";
import { engineTabsSuite } from "../support/engine-tabs-suite.ts";
import { sharedTabsSuite } from "../support/shared-tabs-suite.ts";

describe("Firefox", () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await launchFirefox();
  });
  afterAll(() => engine?.close());

  enginePageSuite(() => engine, { cachesPages: false });
  engineTabsSuite(() => engine, { outlivesCrashes: true });
  sharedTabsSuite(() => engine, { outlivesCrashes: true });
});
