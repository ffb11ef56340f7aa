/** The checksum of an Ogg page (RFC 3533, 6): polynomial 0x04c11db7, highest bit first, from 0. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte << 24;
  for (let bit = 0; bit < 8; bit++) rest = rest & 0x80000000 ? (rest << 1) ^ 0x04c11db7 : rest << 1;
  return rest >>> 0;
});

/** Where a page has its own checksum, which counts as zeros. */
const AT = 22;

/** @param page from its capture pattern to the end of its last segment */
export function oggCrc(page: Uint8Array): number {
  let crc = 0;
  for (let n = 0; n < page.length; n++) {
    const byte = n >= AT && n < AT + 4 ? 0 : (page[n] ?? 0);
    crc = (crc << 8) ^ (TABLE[(crc >>> 24) ^ byte] ?? 0);
  }
  return crc >>> 0;
}
