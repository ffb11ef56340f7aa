import { describe, expect, test } from "vitest";
import { DEFAULT_LIMITS } from "../../src/session/limits.ts";
import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const MANUAL = { audio: { input: { turn_detection: null } } };
const SECOND = 48_000;

/** Bytes of the caller's audio that waits in the history, by rate, and of all items' recordings. */
function kept(call: Call) {
  const { input, conversation } = call.session.snapshot();
  const history = new Map(input.streams.map(({ rateHz, ring }) => [rateHz, ring.held * 2] as const));
  const archive = conversation.audio.reduce(
    (sum, { audio }) => sum + audio.blocks.reduce((all, block) => all + block.length, 0),
    0,
  );
  const all = [...history.values()].reduce((sum, bytes) => sum + bytes, archive);
  return { history, archive, all };
}

function retrieved(call: Call, itemId: unknown): Uint8Array | null {
  call.client({ type: "conversation.item.retrieve", item_id: String(itemId) });
  const { content } = call.last("conversation.item.retrieved")["item"] as { content: { audio?: string }[] };
  const audio = content[0]?.audio;
  return audio === undefined ? null : Uint8Array.fromBase64(audio);
}

describe("of a call's audio", () => {
  test("[E60] so much is kept in all, however long both sides speak, where nobody could be told of it by its sound", () => {
    const upstreams = [{ name: "wire", options: { adapter: "wire", settings: { turns: "server" } } }];
    const call = new Call({ session: MANUAL, upstreams });
    call.client({ type: "response.create" });
    call.beginAnswer();
    const audio = new Uint8Array(voice(1000).buffer).toBase64();
    for (let second = 0; second < 90; second += 1) {
      call.speak(voice(1000));
      call.upstream({ type: "audio", response: "r", item: "i", audio });
      const detectorBytes = (9 * SECOND * 2) / 3;
      expect(kept(call).all).toBeLessThanOrEqual(DEFAULT_LIMITS.archiveBytes + detectorBytes + 98_304);
    }
    expect(kept(call).history.get(24_000)).toBe(30 * SECOND);
  });

  test("[E60] what the caller says now is kept once, and is a recording when it is an item", () => {
    const call = new Call({ session: MANUAL });
    const said = voice(20_000);
    call.speak(said);
    expect(kept(call)).toMatchObject({ archive: 0, all: 20 * SECOND });
    call.client({ type: "input_audio_buffer.commit" });
    const item = call.last("input_audio_buffer.committed")["item_id"];
    expect(retrieved(call, item)).toEqual(new Uint8Array(said.buffer));
    expect(kept(call).all).toBeLessThan(24 * SECOND);
    call.hibernate();
    expect(retrieved(call, item)).toEqual(new Uint8Array(said.buffer));
  });

  test("[E60] a turn of 28 s is recorded whole, in a session that detects as in one that does not", () => {
    for (const session of [MANUAL, {}]) {
      const call = new Call({ session });
      call.speak(concat(voice(28_000), silence(1200)));
      if (session === MANUAL) call.client({ type: "input_audio_buffer.commit" });
      const item = call.last("input_audio_buffer.committed")["item_id"];
      expect(retrieved(call, item)?.length).toBeGreaterThan(28 * SECOND - 1);
    }
  });

  test("[E60] what became a turn leaves the history, and silence after it does not wait there", () => {
    const call = new Call();
    call.speak(concat(silence(600), voice(12_000), silence(1200)));
    expect(call.types()).toContain("input_audio_buffer.committed");
    expect(kept(call).history.get(24_000)).toBeLessThan(5 * SECOND);
    // The detector's own rate is nobody's to hear again.
    call.speak(silence(25_000));
    expect(kept(call).history.get(16_000)).toBeLessThanOrEqual((9 * SECOND * 2) / 3);
  });
});
