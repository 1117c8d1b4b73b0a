import { vi } from "vitest";

/**
 * Vitest gives up on `vi.waitFor` after one second. A condition that a loaded machine meets in two is met: it waits until
 * shortly before the shortest time limit of a test, so that the failed condition is what is reported.
 */
const { waitFor } = vi;
vi.waitFor = (callback, options) =>
  waitFor(callback, typeof options === "number" ? options : { timeout: 15_000, interval: 20, ...options });
