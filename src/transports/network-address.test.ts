import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { networkOf } from "./network-address.ts";

describe("networkOf", () => {
  it.each([
    ["203.0.113.7", "203.0.113.7"],
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["::FFFF:203.0.113.7", "203.0.113.7"],
    ["::1", "0:0:0:0::/64"],
    ["::", "0:0:0:0::/64"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:DB8:0001:2::9", "2001:db8:1:2::/64"],
    ["2001:db8::", "2001:db8:0:0::/64"],
    ["2001:db8::1:2:3:4:5", "2001:db8:0:1::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["[2001:db8:1:2::9]", "2001:db8:1:2::/64"],
    ["::ffff:cb00:7107", "203.0.113.7"],
    ["0:0:0:0:0:FFFF:cb00:7107", "203.0.113.7"],
    ["0:0:0:0:1:ffff:cb00:7107", "0:0:0:0::/64"],
    // With the port of the connection, as some proxies write it: else each connection would be an address of its own.
    ["203.0.113.7:50123", "203.0.113.7"],
    ["[2001:db8:1:2::9]:50123", "2001:db8:1:2::/64"],
    ["[::ffff:203.0.113.7]:50123", "203.0.113.7"],
    ["[fe80::1%eth0]:50123", "fe80:0:0:0::/64"],
    // What is left of a list that was split at its commas.
    [" 203.0.113.7", "203.0.113.7"],
    [" unknown ", "unknown"],
    ["", ""],
    ["unknown", "unknown"],
    ["12:34", "12:34::/64"],
  ])("%s counts as %s", (address, network) => expect(networkOf(address)).toBe(network));

  it("all addresses of a /64 count as one, however they are written, and those of two do not", () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    const eight = fc.tuple(group, group, group, group, group, group, group, group);
    const full = (groups: readonly number[]): string => groups.map((each) => each.toString(16)).join(":");
    const padded = (groups: readonly number[]): string =>
      groups.map((each) => each.toString(16).padStart(4, "0").toUpperCase()).join(":");
    fc.assert(
      fc.property(eight, eight, (one, other) => {
        const neighbour = [...one.slice(0, 4), ...other.slice(4)];
        expect(networkOf(padded(neighbour))).toBe(networkOf(full(one)));
        const isSame = one.slice(0, 4).join() === other.slice(0, 4).join();
        expect(networkOf(full(other)) === networkOf(full(one))).toBe(isSame);
      }),
    );
  });

  it("whatever stands in a header is a name and never an exception", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(typeof networkOf(text)).toBe("string");
      }),
    );
  });
});
