import { describe, expect, it } from "vitest";
import { mergeRequests } from "./merge-requests.ts";

describe("the request of one stream for many listeners", () => {
  it.each<[string[], string, string]>([
    [[""], "", "from now on"],
    [["", ""], "", "from now on, twice"],
    [["5-0"], "5-0", "one cursor"],
    [["10-0", "9-0", "9-1"], "9-0~10-0", "the smallest and the largest, by number and not by text"],
    [["5-0", "5-0"], "5-0", "one cursor, twice"],
    [["", "5-0"], "5-0", "who wants only what is new can skip"],
    [["0-0", "5-0"], "0-0~5-0", "the origin is a cursor too"],
    [["-"], "-", "all that is held"],
    [["-", "-3", ""], "-", "all holds the newest too"],
    [["-3"], "-3", "the newest"],
    [["-3", "-20", ""], "-20", "the larger number"],
    [["-3", "5-0", "4-0"], "-~5-0", "how far back the newest reach is for the log to say"],
    [["-", "5-0"], "-~5-0", "all, and a cursor"],
    [["-", "0-5", "0-9"], "0-5~0-9", "all, and a time at which there was none: all that there is came later"],
    [["-3", "0-5"], "0-5", "the newest, likewise"],
  ])("%j is %j: %s", (requests, merged) => {
    expect(mergeRequests(requests)).toBe(merged);
    expect(mergeRequests(requests.toReversed())).toBe(merged);
  });
});
