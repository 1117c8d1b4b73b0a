const IPV6 = /^[\da-fA-F:]{2,39}$/;
/** With the port that some proxies write behind it: another one for each connection. */
const WITH_PORT = /^(?:(\d{1,3}(?:\.\d{1,3}){3})|\[([\w:.%]+)\])(?::\d{1,5})?$/;
const MAPPED = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i;

/**
 * Whom an address stands for, as a name to count by: one customer of a network has a whole /64 of IPv6 to themselves, 2^64 addresses, so
 * that the first half of it counts. An IPv4 address that was written as IPv6 is itself, a port is left out, and what is no address is
 * taken as it is.
 */
export function networkOf(address: string): string {
  const [, v4, v6] = WITH_PORT.exec(address.trim()) ?? [];
  const [text] = (v4 ?? v6 ?? address.trim()).split("%", 1) as [string];
  const [, mapped] = MAPPED.exec(text) ?? [];
  if (mapped !== undefined) return mapped;
  if (!IPV6.test(text) || !text.includes(":")) return v4 ?? address.trim();
  const [head = "", tail] = text.split("::");
  const groups = head === "" ? [] : head.split(":");
  const behind = tail ? tail.split(":") : [];
  const filled =
    tail === undefined
      ? groups
      : [...groups, ...Array<string>(Math.max(0, 8 - groups.length - behind.length)).fill("0"), ...behind];
  const numbers = filled.map((group) => parseInt(group || "0", 16));
  // The same address in other digits. All of IPv4 would count as one network.
  if (numbers.length === 8 && numbers[5] === 0xffff && !numbers.slice(0, 5).some(Boolean))
    return numbers
      .slice(6)
      .flatMap((number) => [number >> 8, number & 0xff])
      .join(".");
  return `${numbers
    .slice(0, 4)
    .map((number) => number.toString(16))
    .join(":")}::/64`;
}
