/** Words put together and cut, in scripts with spaces and without. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { cutWords, gapBetween, heardWords, joinWords } from "../../src/session/memory/words.ts";

/** Independent of what is tested: words as people of each script write them. */
const SPACED = {
  English: ["the", "rain", "don't", "well-known", "42", "Zürich", "naïve"],
  Russian: ["дождь", "в", "Испании", "ёж"],
  Korean: ["비가", "옵니다", "오늘", "한국어"],
  Arabic: ["المطر", "في", "إسبانيا"],
  Hindi: ["बारिश", "नमस्ते", "हिन्दी"],
  Vietnamese: ["trời", "đang", "mưa"],
};
const UNSPACED = {
  Chinese: "今天天气很好我们一起去公园散步然后吃午饭吧",
  "Chinese with signs": "你好,世界。今天天气很好!我们走吧,好吗?",
  Japanese: "今日はとても良い天気ですねコーヒーを飲みましょう",
  Thai: "วันนี้อากาศดีมากเราไปเดินเล่นกันเถอะ",
  Lao: "ມື້ນີ້ອາກາດດີຫຼາຍ",
  Khmer: "ថ្ងៃនេះអាកាសធាតុល្អណាស់",
  Burmese: "ဒီနေ့ရာသီဥတုကောင်းတယ်",
};

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });

function graphemes(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

function boundaries(text: string): ReadonlySet<number> {
  return new Set([...Array.from(segmenter.segment(text), ({ index }) => index), text.length]);
}

describe("segments are joined", () => {
  test.each(Object.entries(SPACED))("[I42] %s: with a space between words", (_name, words) => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 12 }), (list) => {
        expect(joinWords(list)).toBe(list.join(" "));
      }),
    );
  });

  test.each(Object.entries(UNSPACED))("[I42] %s: without, wherever it was cut", (_name, text) => {
    const whole = graphemes(text);
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length), { maxLength: 6 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), whole.length];
        const pieces = at.slice(1).map((end, index) => whole.slice(at[index], end).join(""));
        expect(joinWords(pieces)).toBe(text);
      }),
    );
  });

  test.each([
    [["你好", "世界"], "你好世界"],
    [["こんにちは、", "世界です。"], "こんにちは、世界です。"],
    [["สวัสดี", "ชาวโลก"], "สวัสดีชาวโลก"],
    [["สวัสดีครับ.", "สบายดีไหม"], "สวัสดีครับ. สบายดีไหม"],
    [["One.", "Two."], "One. Two."],
    [["I said", "你好", "to him"], "I said 你好 to him"],
    [["Hello.", "你好"], "Hello. 你好"],
    [["你好。", "Hello"], "你好。Hello"],
    [["ゲーム", "ー"], "ゲームー"],
    [["二〇二四年", "3", "月"], "二〇二四年3月"],
    [["你好😀", "世界"], "你好😀世界"],
    [["Nice 😀", "day"], "Nice 😀 day"],
    [["한국", "中国"], "한국 中国"],
    [["Hello", ", world", "!"], "Hello, world!"],
    [["Is it", "?", "Yes"], "Is it? Yes"],
    [["uses", ".NET", "5"], "uses .NET 5"],
    [["50", "%"], "50%"],
    [["say (", "yes)", "now"], "say (yes) now"],
    [["¿", "Qué?"], "¿Qué?"],
    [["مرحبا", "؟"], "مرحبا؟"],
    [["sagte „Hallo“", "und ging"], "sagte „Hallo“ und ging"],
  ])("[I42] %j is %j", (pieces, text) => {
    expect(joinWords(pieces)).toBe(text);
  });

  test("[I42] a space that is there is not doubled, and nothing adds nothing", () => {
    expect(joinWords(["Hello ", "world"])).toBe("Hello world");
    expect(joinWords(["Hello", " world"])).toBe("Hello world");
    expect(joinWords(["Hello ", " world"])).toBe("Hello world");
    expect(joinWords(["", "Hello", "  ", "", "world", ""])).toBe("Hello world");
    expect(joinWords(["你好", " ", "世界"])).toBe("你好世界");
    expect(joinWords([])).toBe("");
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme" })), (texts) => {
        const joined = joinWords(texts);
        // All that is said is there, in order, and nothing else but spaces.
        expect(joined.replaceAll(/\s/gu, "")).toBe(texts.join("").replaceAll(/\s/gu, ""));
      }),
    );
    expect([gapBetween("", "a"), gapBetween("a", "")]).toEqual(["", ""]);
  });
});

const CLUSTERS =
  "👨‍👩‍👧|🇩🇪|🇫🇷|👍🏽|e\u0301|\u1112\u1161\u11ab|각|กำ|नि|が|か\u3099|\r\n| |a|Wort|世|界|。|\u0301|\u200d|-|'";

const anyText = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 60 }),
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.array(fc.constantFrom(...CLUSTERS.split("|")), { maxLength: 40 }).map((parts) => parts.join("")),
);

describe("a transcript is cut", () => {
  test("[I43] to its beginning, at the end of a character as people count them, wherever that is asked for", () => {
    fc.assert(
      fc.property(anyText, fc.double({ min: 0, max: 1, noNaN: true }), (text, share) => {
        const most = Math.floor(text.length * share);
        const cut = cutWords(text, most);
        expect(text.startsWith(cut)).toBe(true);
        expect(cut.length).toBeLessThanOrEqual(most);
        expect([...boundaries(text)]).toContain(cut.length);
        const heard = heardWords(text, 4000 * share, 4000);
        expect(text.startsWith(heard)).toBe(true);
        expect([...boundaries(text)]).toContain(heard.length);
      }),
      { numRuns: 500 },
    );
  });

  test.each(Object.entries(SPACED))("[I43] %s: between words", (_name, words) => {
    const lists = fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(lists, fc.double({ min: 0, max: 1, noNaN: true }), (list, share) => {
        const text = list.join(" ");
        const cut = cutWords(text, Math.floor(text.length * share));
        expect(list.map((_, index) => list.slice(0, index).join(" ")).concat(text)).toContain(cut);
      }),
    );
  });

  test.each(Object.entries(UNSPACED))("[I43] %s: no word is missed for want of a space", (_name, text) => {
    fc.assert(
      fc.property(fc.nat(text.length), (most) => {
        const cut = cutWords(text, most);
        const longest = Math.max(...graphemes(text).map((one) => one.length));
        expect(most - cut.length).toBeLessThan(longest);
      }),
    );
  });

  test.each([
    ["今天天气很好我们一起去公园散步然后吃午饭吧", 3000, 6000, "今天天气很好我们一起"],
    ["one two three four", 1000, 4000, "one"],
    ["one two three four", 2000, 4000, "one two"],
    ["one two three four", 4000, 4000, "one two three four"],
    ["one two three four", 0, 4000, ""],
    ["one two", 100, 0, ""],
    ["Hello", 500, 1000, ""],
    // One very long word is cut within rather than forgotten.
    ["Donaudampfschifffahrtsgesellschaft", 2000, 4000, "Donaudampfschifff"],
    // A word of another script within a text without spaces is whole or not there.
    ["我用iPhone打电话", 1000, 2000, "我用"],
    ["Hello, world", 430, 1000, "Hello"],
  ])("[I43] of %j %i of %i ms were heard: %j", (text, heardMs, audioMs, heard) => {
    expect(heardWords(text, heardMs, audioMs)).toBe(heard);
  });

  test("[I44] no more than can be spoken in that time: 22 letters a second, or 10 syllables", () => {
    const english = "word ".repeat(100);
    expect(heardWords(english, 1000, 1000).length).toBeLessThanOrEqual(22);
    expect(heardWords(english, 1000, 1000).length).toBeGreaterThan(15);
    expect(heardWords("中".repeat(500), 1000, 1000)).toHaveLength(10);
    expect(heardWords("かな".repeat(250), 2000, 2000)).toHaveLength(20);
    expect(heardWords("가나 ".repeat(250), 1000, 1000)).toBe("가나 가나 가나 가나");
  });

  test("[I44] a syllable takes its own time: a mixed text is cut where the voice was", () => {
    // Ten syllables of Chinese, then the same time of English.
    const text = "今天天气很好我们一起 a walk in the park too";
    expect(heardWords(text, 4000, 8000)).toBe("今天天气很好我们一起");
  });
});
