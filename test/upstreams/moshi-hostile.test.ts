/** Ogg and Opus of a hostile server: what is wrong with it is named, what is kept is bounded, and what follows is heard. */
import * as fc from "fast-check";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { Downlink } from "../../src/upstreams/moshi/downlink.ts";
import { oggCrc } from "../../src/upstreams/moshi/ogg-crc.ts";
import { OggReader } from "../../src/upstreams/moshi/ogg-reader.ts";
import { LibOpus } from "../../src/upstreams/moshi/libopus.ts";
import { crcOf, kind, oggPage, opusHead, opusTags, type PageParts } from "../support/ogg.ts";
import { libopusExports, opus } from "../support/opus.ts";
import { likeness } from "../support/moshi-model.ts";
import { chunk } from "./connection.ts";
import { moshi, sound } from "./moshi-connection.ts";

const message = (...pages: readonly PageParts[]): Uint8Array => kind(1, Buffer.concat(pages.map(oggPage)));
const HEAD: PageParts = { flags: 2, packets: [opusHead()] };
const TAGS: PageParts = { packets: [opusTags()] };
const said = (ms = 20): PageParts => ({ packets: [sound(ms)] });

/** A connection whose server has sent its headers. */
function begun() {
  const all = moshi();
  all.connection.hear([message(HEAD, TAGS)]);
  return all;
}

const faults = ({ connection }: ReturnType<typeof moshi>) =>
  connection.of("error").map(({ error, fatal }) => `${fatal ? "fatal " : ""}${error.code}: ${error.message}`);
const heardMs = ({ connection }: ReturnType<typeof moshi>) => connection.audio().length / 48;

describe("Ogg", () => {
  test("[U283] has the checksum that the RFC says", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 27, maxLength: 400 }), (bytes) => {
        bytes.fill(0, 22, 26);
        expect(oggCrc(bytes)).toBe(crcOf(bytes));
      }),
    );
  });

  test("[U283] of another maker, cut anywhere, is heard whole", () => {
    const file = new Uint8Array(readFileSync(new URL("../fixtures/upstreams/opusenc.opus", import.meta.url)));
    const wav = readFileSync(new URL("../fixtures/hello.wav", import.meta.url)).subarray(44, 44 + 96_000);
    for (const size of [3000, 1000, 61]) {
      const downlink = new Downlink(opus);
      const heard: Uint8Array[] = [];
      for (let at = 0; at < file.length; at += size) {
        expect(downlink.read(file.subarray(at, at + size), 0)).toBeNull();
        heard.push(downlink.sound.slice());
      }
      const all = new Uint8Array(Buffer.concat(heard));
      // Two seconds in whole packets, and the 6.5 ms before them.
      expect(all.length / 48).toBe(2020);
      expect(likeness(new Uint8Array(wav).subarray(48_000), all.subarray(48_000))).toBeGreaterThan(0.9);
    }
  });

  test("[U283] packets go on over pages, and are heard when they are whole", () => {
    const all = begun();
    const packet = sound(100);
    all.connection.hear([message({ packets: [packet.subarray(0, 510)], open: true })]);
    expect(heardMs(all)).toBe(0);
    all.connection.hear([message({ flags: 1, packets: [packet.subarray(510, 1020)], open: true })]);
    all.connection.hear([message({ flags: 1, packets: [packet.subarray(1020), sound(20)] })]);
    expect(heardMs(all)).toBe(120);
    // The end of a packet that did not begin, and the beginning of one that does not end.
    all.connection.hear([message({ flags: 1, packets: [sound(20), sound(40)] })]);
    expect(heardMs(all)).toBe(160);
    all.connection.hear([message({ packets: [packet.subarray(0, 255)], open: true }, said())]);
    expect(heardMs(all)).toBe(180);
    expect(faults(all)).toEqual([]);
  });

  test("[U283] that is none is named once for each message, and the next one is heard", () => {
    const wrong: readonly (readonly [Uint8Array, RegExp])[] = [
      [kind(1, "no page at all"), /no page of Ogg/],
      [message({ ...said(), version: 1 }), /another version/],
      [message({ ...said(), wrong: 1 }), /another checksum/],
      [message({ ...said(), serial: 7 }), /no stream that began/],
      [kind(1, Buffer.concat([Buffer.from("xx"), oggPage(said())])), /no page of Ogg/],
      [kind(1, Buffer.concat([oggPage(said()), Buffer.from("xx")])), /no page of Ogg/],
      [message({ packets: [sound(20).subarray(1)] }), /none of Opus/],
      [message({ packets: [new Uint8Array(0)] }), /none of Opus/],
    ];
    for (const [bytes, says] of wrong) {
      const all = begun();
      all.connection.hear([bytes]);
      expect(faults(all)).toEqual([expect.stringMatching(says)]);
      expect(faults(all)[0]).toMatch(/^upstream_protocol_error/);
      const before = heardMs(all);
      all.connection.hear([message(said())]);
      expect([heardMs(all) - before, faults(all).length]).toEqual([20, 1]);
    }
  });

  test("[U283] without a beginning is not heard; another beginning is another stream", () => {
    const all = moshi();
    all.connection.hear([message(said())]);
    expect(faults(all)).toEqual([expect.stringMatching(/no stream that began/)]);
    all.connection.hear([
      message(HEAD, TAGS, said()),
      message({ ...HEAD, serial: 9 }, { ...TAGS, serial: 9 }),
    ]);
    all.connection.hear([message({ ...said(), serial: 9 })]);
    expect([heardMs(all), faults(all).length]).toEqual([40, 1]);
    // Who made it may be left out.
    all.connection.hear([message(HEAD, said(40))]);
    expect(heardMs(all)).toBe(80);
  });

  test("[U283] that cannot be played ends the connection, and says why", () => {
    for (const head of [
      opusHead(0),
      opusHead(3),
      opusHead(1, 16),
      opusHead(1, 1, 255),
      opusTags(),
      new Uint8Array(3),
    ]) {
      const all = moshi();
      all.connection.hear([message({ flags: 2, packets: [head] }, TAGS, said())]);
      expect(faults(all)).toEqual([expect.stringMatching(/^fatal upstream_format_unsupported/)]);
      expect(heardMs(all)).toBe(0);
    }
    const stereo = moshi();
    stereo.connection.hear([message({ flags: 2, packets: [opusHead(2)] }, TAGS, said())]);
    expect([heardMs(stereo), faults(stereo)]).toEqual([20, []]);
  });

  test("[U283] of a message has two seconds of sound and no more, however few its bytes", () => {
    const all = moshi({ codec: opus() });
    // Two bytes of Opus that say 120 ms: 48 frames of 2.5 ms without a bit in them.
    const long = Uint8Array.of(0xe3, 48);
    all.connection.hear([message(HEAD, TAGS)]);
    const before = performance.now();
    const pages = Array.from({ length: 200 }, () => ({ packets: Array.from({ length: 255 }, () => long) }));
    all.connection.hear([message(...pages), message(said(20))]);
    expect(performance.now() - before).toBeLessThan(5000);
    expect(faults(all)[0]).toMatch(/more sound than there can be/);
    const plainly = begun();
    plainly.connection.hear([message(...Array.from({ length: 110 }, () => said(20)))]);
    expect([heardMs(plainly), faults(plainly)]).toEqual([2000, [expect.stringMatching(/more sound than/)]]);
  });

  test("[U283] is decoded as far as a model can have spoken: a minute and a tenth more than it was sent", () => {
    const all = begun();
    const second = message(...Array.from({ length: 50 }, () => said(20)));
    for (let n = 0; n < 70; n++) all.connection.hear([second]);
    expect([heardMs(all), faults(all).length]).toEqual([60_000, 10]);
    all.connection.send({ type: "audio", chunk: chunk(sound(5000)) });
    for (let n = 0; n < 7; n++) all.connection.hear([second]);
    expect([heardMs(all), faults(all).length]).toEqual([65_500, 12]);
  });

  test("[U283] keeps less than a page and a packet, and looks at what is no page once", () => {
    const reader = new OggReader();
    const packets = { begins: () => undefined, packet: () => true };
    const claims = oggPage({ packets: [new Uint8Array(60_000)], flags: 2 });
    const start = performance.now();
    for (let n = 0; n < 2000; n++) reader.read(claims.subarray(0, 40 + (n % 50)), packets);
    // Each beginning of a page in it would be judged over 60 kB.
    const nested = Buffer.concat(Array.from({ length: 9000 }, () => claims.subarray(0, 27 + 255)));
    for (let n = 0; n < 20; n++) reader.read(new Uint8Array(nested), packets);
    expect(performance.now() - start).toBeLessThan(3000);
    expect(JSON.stringify(reader.snapshot()).length).toBeLessThan(100_000);
    const all = begun();
    const part: PageParts = { flags: 1, packets: [new Uint8Array(255 * 255)], open: true };
    for (let n = 0; n < 5; n++) all.connection.hear([message({ ...part, flags: n === 0 ? 0 : 1 })]);
    expect(faults(all)[0]).toMatch(/longer than one of Opus/);
    expect(JSON.stringify(all.upstream.snapshot()).length).toBeLessThan(100_000);
    all.connection.hear([message(said())]);
    expect(heardMs(all)).toBe(20);
  });
});

describe("messages", () => {
  test("[U283] that are text, empty or too long are named; so are words, and none of them is kept", () => {
    const all = moshi();
    all.connection.hear([
      "hello",
      new Uint8Array(0),
      new Uint8Array(600_000).fill(1),
      kind(2, "x".repeat(5000)),
    ]);
    expect(faults(all)).toHaveLength(4);
    expect(all.connection.of("transcript")).toEqual([]);
    all.connection.hear([kind(2, Uint8Array.of(0x20, 0xff, 0x41))]);
    expect(all.connection.of("transcript")).toMatchObject([{ delta: "\ufffdA" }]);
  });
});

describe("libopus", () => {
  test("[U283] takes any bytes for a packet or for none, and goes on with the next", () => {
    const codec = new LibOpus(libopusExports());
    const tone = Int16Array.from({ length: 480 }, (_, n) => 9000 * Math.sin(n * 0.05));
    const packet = codec.encoder().encode(tone)?.slice() ?? new Uint8Array();
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (packets) => {
        const decoder = codec.decoder();
        for (const one of packets) expect(decoder.decode(one)?.length ?? 0).toBeLessThanOrEqual(2880);
        expect(decoder.decode(new Uint8Array(0))).toBeNull();
        expect(decoder.decode(new Uint8Array(70_000))).toBeNull();
        expect(decoder.decode(packet)).toHaveLength(480);
      }),
      { numRuns: 200 },
    );
  });

  test("[U283] serves many sessions by one instance, each as if it were alone", () => {
    const codec = new LibOpus(libopusExports());
    const tone = (step: number, at: number) =>
      Int16Array.from({ length: 480 }, (_, n) => 9000 * Math.sin((at * 480 + n) * step));
    const alone = [0.02, 0.05, 0.11].map((step) => {
      const [encoder, decoder] = [codec.encoder(), codec.decoder()];
      return Array.from({ length: 20 }, (_, n) => {
        const packet = encoder.encode(tone(step, n))?.slice() ?? new Uint8Array();
        return [packet, decoder.decode(packet)?.slice()];
      });
    });
    const both = [0.02, 0.05, 0.11].map((step) => ({
      step,
      encoder: codec.encoder(),
      decoder: codec.decoder(),
    }));
    for (let n = 0; n < 20; n++) {
      for (const [which, { step, encoder, decoder }] of both.entries()) {
        const packet = encoder.encode(tone(step, n))?.slice() ?? new Uint8Array();
        expect([packet, decoder.decode(packet)?.slice()]).toEqual(alone[which]?.[n]);
      }
    }
  });

  test("[U283] that traps leaves all as it was", () => {
    const exports = libopusExports();
    let traps = false;
    const codec = new LibOpus({
      ...exports,
      opus_decode: (...args) => {
        if (traps) throw new Error("unreachable");
        return exports.opus_decode(...args);
      },
    });
    const encoder = codec.encoder();
    const packets = [1, 2, 3].map(
      (n) => encoder.encode(new Int16Array(480).fill(n * 999))?.slice() ?? new Uint8Array(),
    );
    const whole = codec.decoder();
    const expected = packets.map((packet) => whole.decode(packet)?.slice());
    const decoder = codec.decoder();
    expect(decoder.decode(packets[0] ?? new Uint8Array())?.slice()).toEqual(expected[0]);
    traps = true;
    expect(decoder.decode(packets[1] ?? new Uint8Array())).toBeNull();
    traps = false;
    expect(decoder.decode(packets[1] ?? new Uint8Array())?.slice()).toEqual(expected[1]);
  });
});
