/** Ogg for a scripted server, written from RFC 3533 and RFC 7845 and not from the adapter: what it is sent is taken apart strictly. */

export interface OggPage {
  readonly flags: number;
  readonly granule: number;
  readonly serial: number;
  readonly sequence: number;
  readonly packets: readonly Uint8Array[];
}

/** Bit by bit. */
export function crcOf(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      const carry = (crc >>> 31) ^ ((byte >> bit) & 1);
      crc = ((crc << 1) ^ (carry === 1 ? 0x04c1_1db7 : 0)) >>> 0;
    }
  }
  return crc;
}

export interface PageParts {
  readonly flags?: number;
  readonly granule?: number;
  readonly serial?: number;
  readonly sequence?: number;
  readonly packets: readonly Uint8Array[];
  /** The last packet goes on on the next page. */
  readonly open?: boolean;
  readonly version?: number;
  /** Added to the checksum. */
  readonly wrong?: number;
}

export function oggPage(parts: PageParts): Uint8Array {
  const { flags = 0, granule = 0, serial = 42, sequence = 0, packets, open = false } = parts;
  const sizes = packets.flatMap((packet, n) => {
    const whole = Array.from({ length: Math.floor(packet.length / 255) }, () => 255);
    return open && n === packets.length - 1 ? whole : [...whole, packet.length % 255];
  });
  if (sizes.length > 255) throw new Error("a page has no room for so many packets");
  const page = new Uint8Array(27 + sizes.length + packets.reduce((sum, { length }) => sum + length, 0));
  const view = new DataView(page.buffer);
  page.set(Buffer.from("OggS"));
  page[4] = parts.version ?? 0;
  page[5] = flags;
  view.setBigUint64(6, BigInt(granule), true);
  view.setUint32(14, serial, true);
  view.setUint32(18, sequence, true);
  page[26] = sizes.length;
  page.set(sizes, 27);
  let at = 27 + sizes.length;
  for (const packet of packets) {
    page.set(packet, at);
    at += packet.length;
  }
  view.setUint32(22, (crcOf(page) + (parts.wrong ?? 0)) >>> 0, true);
  return page;
}

/** @throws saying what is wrong with a message that should be whole pages. */
export function oggPages(bytes: Uint8Array): readonly OggPage[] {
  const pages: OggPage[] = [];
  for (let at = 0; at < bytes.length;) {
    const page = bytes.slice(at);
    const view = new DataView(page.buffer);
    if (Buffer.from(page.subarray(0, 4)).toString() !== "OggS" || page[4] !== 0) throw new Error("no page");
    const sizes = page.subarray(27, 27 + (page[26] ?? 0));
    const length = 27 + sizes.length + sizes.reduce((sum, size) => sum + size, 0);
    if (length > page.length) throw new Error("a page is cut");
    const stated = view.getUint32(22, true);
    view.setUint32(22, 0, true);
    if (crcOf(page.subarray(0, length)) !== stated) throw new Error("a checksum is wrong");
    if (sizes.at(-1) === 255) throw new Error("a packet is cut");
    const packets: Uint8Array[] = [];
    let [from, end] = [27 + sizes.length, 27 + sizes.length];
    for (const size of sizes) {
      end += size;
      if (size === 255) continue;
      packets.push(page.slice(from, end));
      from = end;
    }
    pages.push({
      flags: page[5] ?? 0,
      granule: Number(view.getBigUint64(6, true)),
      serial: view.getUint32(14, true),
      sequence: view.getUint32(18, true),
      packets,
    });
    at += length;
  }
  return pages;
}

/** As sphn and Kyutai's server write it: 80 ms to be skipped, which are not there. */
export function opusHead(channels = 1, version = 1, family = 0): Uint8Array {
  const head = new Uint8Array(19);
  head.set(Buffer.from("OpusHead"));
  head.set([version, channels, 0x00, 0x0f, 0xc0, 0x5d, 0, 0, 0, 0, family], 8);
  return head;
}

export function opusTags(vendor = "sphn-pyo3"): Uint8Array {
  const size = new Uint8Array(4);
  new DataView(size.buffer).setUint32(0, vendor.length, true);
  return Buffer.concat([Buffer.from("OpusTags"), size, Buffer.from(vendor), new Uint8Array(4)]);
}

/** A message of a Moshi server: its kind before its content. */
export const kind = (first: number, rest: Uint8Array | string = ""): Uint8Array =>
  new Uint8Array(Buffer.concat([Uint8Array.of(first), Buffer.from(rest)]));
