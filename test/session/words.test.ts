import { describe, expect, test } from "vitest";

import { isBackchannel, phraseOf } from "../../src/session/state/phrases.ts";

describe("words", () => {
  test.each([
    ["Mhm.", true],
    ["Uh-huh, yeah.", true],
    ["Ja, genau!", true],
    ["Yeah, but", false],
    ["No", false],
    ["…", null],
  ])("[J5] %j as a backchannel: %s", (text, expected) => expect(isBackchannel(text)).toBe(expected));

  test.each([
    ["Where is it?", "over"],
    ["Das ist alles.", "over"],
    ["I want to go to", "open"],
    ["Well, um…", "open"],
    ["and then,", "open"],
    ["Ich möchte und", "open"],
    ["twenty past five", null],
    ["", null],
  ])("[J7] %j as the end of a phrase: %s", (text, expected) => expect(phraseOf(text)).toBe(expected));
});
