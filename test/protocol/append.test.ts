/** The scan of `input_audio_buffer.append` hears what a JSON parser would. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { Base64Decoder, scanAppend } from "../../src/protocol/append.ts";
import { parseJsonObject } from "../../src/protocol/json.ts";

const APPEND = "input_audio_buffer.append";

/** One character of a JSON string, plain or in one of the ways to escape it (RFC 8259 §7). */
function spell(character: string, how: number): string {
  const code = character.charCodeAt(0).toString(16).padStart(4, "0");
  const short: Record<string, string> = { "/": "\\/", "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  const plain = JSON.stringify(character).slice(1, -1);
  return (
    [plain, plain, plain, short[character] ?? plain, `\\u${code}`, `\\u${code.toUpperCase()}`][how] ?? plain
  );
}

const bytes = fc.uint8Array({ minLength: 0, maxLength: 60 });
/** Base64 of some bytes, padded or not, in lines or not. */
const base64 = fc
  .tuple(bytes, fc.boolean(), fc.constantFrom("", "\n", "\r\n"), fc.integer({ min: 4, max: 76 }))
  .map(([audio, pads, lineEnd, width]) => {
    const text = audio.toBase64({ omitPadding: !pads });
    const lines = text.match(new RegExp(`.{1,${width}}`, "g")) ?? [""];
    return lines.join(lineEnd);
  });
/** A string as some encoder writes it. */
const spelling = (text: fc.Arbitrary<string>) =>
  fc
    .tuple(text, fc.infiniteStream(fc.nat({ max: 5 })), fc.constantFrom(true, true, true, false))
    .map(([whole, hows, plainly]) => {
      const spelled = Array.from(whole, (one) => spell(one, plainly ? 0 : Number(hows.next().value)));
      return `"${spelled.join("")}"`;
    });
const space = fc.constantFrom("", "", " ", "\n", "\t ", "\r\n  ");
const other = fc.oneof(
  fc.tuple(fc.constant('"event_id"'), spelling(fc.string({ maxLength: 20 }))),
  fc.tuple(fc.constantFrom('"x"', '"trace"', '"ty\\u0070e2"'), fc.json({ maxDepth: 3 })),
  fc.tuple(fc.constant('"client_event_seq"'), fc.nat().map(String)),
  // Of two members of one name the last counts.
  fc.tuple(fc.constant('"audio"'), spelling(base64)),
  fc.tuple(fc.constant('"type"'), fc.constantFrom('"session.update"', `"${APPEND}"`)),
);
const named = (name: string, text: fc.Arbitrary<string>) => fc.tuple(fc.constant(name), spelling(text));
const members = fc
  .tuple(named('"type"', fc.constant(APPEND)), named('"audio"', base64), fc.array(other, { maxLength: 3 }))
  .chain(([type, audio, others]) => {
    const all = [type, audio, ...others];
    return fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length });
  });
const message = fc
  .tuple(fc.constantFrom("", "", "\uFEFF"), members, fc.infiniteStream(space))
  .map(([mark, all, spaces]) => {
    const gap = () => String(spaces.next().value);
    const written = all.map(([key, value]) => `${gap()}${key}${gap()}:${gap()}${value}${gap()}`);
    return `${mark}{${written.join(",")}}${gap()}`;
  });

describe("the scan of an append", () => {
  test("[E11] whatever it finds is what a JSON parser finds, in any spelling, order and company", () => {
    let found = 0;
    fc.assert(
      fc.property(message, (text) => {
        const scanned = scanAppend(text);
        if (scanned === null) return;
        found += 1;
        const parsed = parseJsonObject(text);
        expect(parsed?.["type"]).toBe(APPEND);
        expect(text.slice(scanned.from, scanned.to)).toBe(parsed?.["audio"]);
      }),
      { numRuns: 4000 },
    );
    expect(found).toBeGreaterThan(200);
  });

  test("[E11] no cut of a message, and no character changed in it, is heard otherwise than it is parsed", () => {
    const whole = `{ "event_id": "e", "type":"${APPEND}", "audio":"AAEC+/8=" , "trace": "t" }`;
    const change = fc.tuple(
      fc.nat({ max: whole.length }),
      fc.constantFrom("", '"', "\\", "}", ",", "a", "{", " "),
    );
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        let text = whole;
        for (const [at, by] of changes) text = text.slice(0, at) + by + text.slice(at + 1);
        const scanned = scanAppend(text);
        const parsed = parseJsonObject(text);
        if (scanned === null || parsed === null) return;
        expect(parsed["type"]).toBe(APPEND);
        expect(text.slice(scanned.from, scanned.to)).toBe(parsed["audio"]);
      }),
      { numRuns: 5000 },
    );
  });

  test("[E11] the usual spellings do not need a parser", () => {
    expect(scanAppend(`{"type":"${APPEND}","audio":"AAAA"}`)).not.toBeNull();
    expect(scanAppend(`{"type":"${APPEND}","audio":"AAAA","event_id":"e"}`)).not.toBeNull();
    expect(scanAppend(`{"event_id":"e", "type": "${APPEND}", "audio": "AAAA"}`)).not.toBeNull();
  });

  test("[E11] base64 in lines and without padding decodes to the same bytes", () => {
    const decoder = new Base64Decoder();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 76 }), (audio, width) => {
        const text =
          audio
            .toBase64()
            .match(new RegExp(`.{1,${width}}`, "g"))
            ?.join("\r\n") ?? "";
        expect(decoder.decode(text)?.slice()).toEqual(audio);
        expect(decoder.decode(audio.toBase64({ omitPadding: true }))?.slice()).toEqual(audio);
      }),
    );
  });
});
