const IPV6 = /^[\da-fA-F:]{2,39}$/;
const MAPPED = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i;

/**
 * Whom an address stands for, as a name to count by: one customer of a network has a whole /64 of IPv6 to themselves, 2^64 addresses, so
 * that the first half of it counts. An IPv4 address that was written as IPv6 is itself; what is no address is taken as it is.
 */
export function networkOf(address: string): string {
  const [text] = address.replace(/^\[|\]$/g, "").split("%", 1) as [string];
  const [, mapped] = MAPPED.exec(text) ?? [];
  if (mapped !== undefined) return mapped;
  if (!IPV6.test(text) || !text.includes(":")) return address;
  const [head = "", tail] = text.split("::");
  const groups = head === "" ? [] : head.split(":");
  const behind = tail ? tail.split(":") : [];
  const filled =
    tail === undefined
      ? groups
      : [...groups, ...Array<string>(Math.max(0, 8 - groups.length - behind.length)).fill("0"), ...behind];
  return `${filled
    .slice(0, 4)
    .map((group) => parseInt(group || "0", 16).toString(16))
    .join(":")}::/64`;
}
