/** What of a provider's words reaches a client and a log. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRedactor } from "../../src/upstreams/redact.ts";
import { withoutSecrets } from "../../src/upstreams/secrets.ts";

const HEX = "0123456789abcdef0123456789abcdef";
const AIZA = "AIza0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1w";

describe("secrets in a provider's words", () => {
  test.each([
    ["an AIza key of 39 characters", `API key not valid: ${AIZA}.`, AIZA],
    ["32 hex digits", `Access denied for key ${HEX}`, HEX],
    ["a password", "wrong password: hunter2 for bob", "hunter2"],
    ["a password in JSON", '{"password":"hunter2","user":"bob"}', "hunter2"],
    ["a password that is a word", "the password is swordfish", "swordfish"],
    ["a short token", "bad token: abc123", "abc123"],
    ["a token that is set", "client_secret=s3cr3t and token=abc123", "abc123"],
    ["a member of JSON", '{"api_key": "ab12cd34"}', "ab12cd34"],
    ["a header", "x-api-key: plainword", "plainword"],
    ["a bearer", "Authorization: Bearer abcdef123", "abcdef123"],
    ["a relative address", "GET /v1/realtime?key=abc123&model=voice failed", "abc123"],
    ["a query", "dialled wss://voice.example/v1?model=a&sig=q7", "q7"],
    [
      "a segment of a path",
      "POST https://voice.example/hooks/T0aB1cD2eF3gH4iJ5kL6/in",
      "T0aB1cD2eF3gH4iJ5kL6",
    ],
    ["name and password of a URL", "https://bob:hunter2@voice.example/v1", "hunter2"],
    ["a JWT", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln is expired", "eyJzdWIiOiJhIn0"],
    ["a key by its first letters", "Incorrect API key provided: sk-proj-abcdefgh.", "proj-abcdefgh"],
    ["a key with stars", "Incorrect API key provided: sk-ab***********yz.", "yz"],
  ])("[U80] %s does not get through", (_, message, secret) => {
    const clean = createRedactor({}).text(message);
    expect(clean).not.toContain(secret);
  });

  test("[U81] a value of the dial is known in any spelling: as it is, in base64, percent-encoded", () => {
    const value = "Bearer plain words/only";
    const url = "https://voice.example/v1/rooms/abcdefghij0123456789?api_key=letters&model=voice-one-two";
    const redactor = createRedactor({ Authorization: value, "x-other": "wordswords" }, url);
    const base64 = btoa(value);
    for (const spelled of [
      value,
      base64,
      base64.replace(/=+$/, ""),
      encodeURIComponent(value),
      btoa("wordswords"),
    ]) {
      expect(redactor.text(`you sent <${spelled}>, no`)).toBe("you sent <[redacted]>, no");
    }
    expect(redactor.text("no room abcdefghij0123456789 here")).toBe("no room [redacted] here");
    expect(redactor.text("the model voice-one-two is gone")).toBe("the model voice-one-two is gone");
  });

  test.each([
    "Invalid type for 'session.audio.input.turn_detection.silence_duration_ms': expected an integer, got 'x'.",
    "The model `gpt-4o-realtime-preview-2024-12-17` does not exist or you do not have access to it.",
    "Item with item_id item_BJ8Tn6QG2JqDrSYpWfCYz not found.",
    "Invalid token: expected a string.",
    "The server had an error (request 550e8400-e29b-41d4-a716-446655440000), sorry: try again in 20s.",
    "Rate limit reached for requests: limit 3, used 3. Visit https://platform.example/account/rate-limits.",
    "Cancellation failed: no active response found",
    "conversation_already_has_active_response: response_cancel_not_active",
    "audio/pcm at 24000 Hz; input_audio_buffer_commit_empty: 0.00ms of audio, at least 100ms.",
  ])("[U82] ordinary words stay whole: %s", (words) => {
    expect(createRedactor({ Authorization: "Bearer something-secret" }).text(words)).toBe(words);
  });

  const alphabet = fc.constantFrom(..."ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789".split(""));
  const secret = fc
    .array(alphabet, { minLength: 32, maxLength: 80 })
    .map((letters) => `${letters.join("")}7`);
  const words = fc.constantFrom(
    "wrong key",
    "denied;",
    "got",
    "header",
    '{"x":',
    "https://a.example/v1?",
    "token",
    "",
    "at:",
  );

  test("[U83] no key of 32 random characters gets through, wherever it stands", () => {
    fc.assert(
      fc.property(
        words,
        secret,
        words,
        fc.constantFrom(" ", ": ", "=", '"', "/", ", "),
        (before, key, after, gap) => {
          expect(createRedactor({}).text(`${before}${gap}${key}${gap}${after}`)).not.toContain(key);
        },
      ),
    );
  });

  test("[U83] a value of the dial never gets through, whatever is said around it", () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string({ minLength: 8, unit: "grapheme-ascii" }),
        fc.string(),
        (before, value, after) => {
          fc.pre(value.trim() === value && !"[redacted]".includes(value));
          expect(createRedactor({ key: value }).text(`${before} ${value} ${after}`)).not.toContain(value);
        },
      ),
    );
  });

  test("[U84] 200 kB of anything take no longer than their length: letters, dashes, schemes, names", () => {
    for (const piece of [
      "a",
      "a-",
      "sk-",
      "key:",
      "http://",
      "eyJa.",
      "eyJ",
      "=",
      "0-",
      "token ",
      "AIza",
      "/",
      "\\",
    ]) {
      const text = piece.repeat(200_000 / piece.length);
      const began = performance.now();
      withoutSecrets(text);
      // A function of the square takes minutes here.
      expect(performance.now() - began).toBeLessThan(3_000);
    }
  });
});
