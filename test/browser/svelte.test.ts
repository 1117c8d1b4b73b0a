import { describe } from "vitest";
import { testBinding } from "../support/binding-suite.ts";

describe("Svelte 4", () => {
  testBinding({ framework: "svelte4", ways: ["store"], providers: ["component"] });
});
describe("Svelte 5", () => {
  testBinding({ framework: "svelte5", ways: ["store", "function", "inPlace"], providers: ["component"] });
});
