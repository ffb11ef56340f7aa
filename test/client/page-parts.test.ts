/** What the page computes, without a browser. */
import { describe, expect, test } from "vitest";
import { EndOfSpeech } from "../../src/client/page/end-of-speech.ts";
import { redacted } from "../../src/client/page/redact.ts";
import { Track } from "../../src/client/page/track.ts";

describe("[C75] the end of speech", () => {
  /** A second of speech and 500 ms of a quiet room, then what the relay says when it has waited for that. */
  function spoken(): EndOfSpeech {
    const speech = new EndOfSpeech();
    for (let ms = 20; ms <= 1500; ms += 20) speech.frame(ms, ms <= 1000 ? 0.4 : 0.02, 10_000 + ms);
    return speech;
  }

  test("is the last audible frame, not the end of the silence after it", () => {
    expect(spoken().before(1500, 11_500)).toBe(11_000);
    expect(spoken().before(1000, 11_500)).toBe(11_000);
  });

  test("is now where nothing was heard", () => {
    expect(new EndOfSpeech().before(1000, 11_500)).toBe(11_500);
    const quiet = spoken();
    quiet.clear();
    expect(quiet.before(1500, 11_500)).toBe(11_500);
  });
});

describe("[C75] the waveform", () => {
  test("of frames that come in bursts has no gaps and no overlaps", () => {
    const track = new Track();
    for (const [count, at] of [
      [1, 1000],
      [7, 1140],
      [1, 1141],
      [6, 1290],
    ] as const)
      for (let i = 0; i < count; i++) track.add(20, 0.5, at);
    const ends = track.columns.map(({ at }) => at);
    expect(ends).toEqual(Array.from({ length: 15 }, (_, index) => 1000 + 20 * index));
    expect(track.level(1290)).toBeCloseTo(Math.sqrt(0.5));
    expect(track.level(1500)).toBe(0);
  });

  test("begins anew after a pause", () => {
    const track = new Track();
    track.add(20, 0.5, 1000);
    track.add(20, 0.5, 3000);
    expect(track.endsAt).toBe(3000);
    track.forget(2000);
    expect(track.columns).toHaveLength(1);
  });
});

test("[C73] tokens, secrets and keys are shortened to their kind", () => {
  const event = {
    type: "session.resumed",
    resume_token: "rt_0a1b2c3d4e",
    client_secret: { value: "ek_0a1b2c3d4e" },
    message: "use rt_0a1b2c3d4e or sk-proj-0a1b2c3d, rk_0a1b2c3d4e, relay-dev-0a1b2c3d, AIza0a1b2c3d4e5f",
    url: "wss://relay.example/v1/sessions/sess_1?token=eyJhbGciOiJ9.eyJzZXNzaW9uIjoi0a1b.c2lnbmVk0a1b",
    tools: [{ type: "mcp", server_label: "mail", headers: { "X-Pass": "0a1b", "x-skeleton": "0a1b" } }],
    said: "a skeleton, ektachrome and rtsession",
    usage: { total_tokens: 5 },
    item_id: "item_12345678",
  };
  const shown = redacted(event);
  expect(shown).not.toMatch(/0a1b/);
  expect(JSON.parse(shown)).toMatchObject({
    said: event.said,
    tools: [{ server_label: "mail", headers: { "X-Pass": "…" } }],
    usage: { total_tokens: 5 },
    item_id: "item_12345678",
  });
});
