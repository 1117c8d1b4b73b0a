/** How many slots a Redis Cluster has. */
export const SLOTS = 16_384;

/** CRC16 of each byte, as the Redis Cluster specification asks for (polynomial 0x1021, initial value 0). */
const CRC_OF_BYTE: Uint16Array = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 0x80_00) === 0 ? crc << 1 : (crc << 1) ^ 0x10_21;
  return crc;
});

const encoder: TextEncoder = new TextEncoder();

/** The slot of a key: that of what stands between its first braces, or of all of it. */
export function slotOf(key: string): number {
  const open = key.indexOf("{");
  const close = open < 0 ? -1 : key.indexOf("}", open);
  // Nothing between the braces is no tag.
  const hashed = close > open + 1 ? key.slice(open + 1, close) : key;
  let crc = 0;
  for (const byte of encoder.encode(hashed)) crc = ((crc << 8) ^ (CRC_OF_BYTE[(crc >> 8) ^ byte] as number)) & 0xff_ff;
  return crc % SLOTS;
}
