/** Words of the caller's that a provider had told and might have added to, when its connection ends. */
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const SAID = "And what about the weather?";
const rates = {
  audio: { input: { format: { type: "audio/pcm", rate: 16_000 }, transcription: { model: "any" } } },
};

/** A turn at Gemini's, and words for it that Google does not say to be all. */
function heardAt(turns: "client" | "server", rolloverMs?: number): Call {
  const options = { adapter: "gemini-live", model: "gemini-2.5-flash", settings: { turns } };
  const planned = { name: "gemini", options, ...(rolloverMs !== undefined && { rolloverMs }) };
  const call = new Call({ upstreams: [planned], createUpstream, connect: false, planSession: rates });
  call.connect("realtime");
  opens(call, "up0.1");
  call.speak(concat(silence(400, 16_000), voice(900, 16_000), silence(900, 16_000)), 320);
  says(call, { serverContent: { inputTranscription: { text: SAID } } });
  return call;
}

function opens(call: Call, peer: string): void {
  call.input({ type: "open", peer });
  says(call, { setupComplete: {} }, peer);
}

function says(call: Call, event: JsonObject, peer = "up0.1"): void {
  call.input({ type: "message", peer, data: new TextEncoder().encode(JSON.stringify(event)) });
}

function speaks(call: Call): void {
  const inlineData = { mimeType: "audio/pcm;rate=24000", data: new Uint8Array(9600).fill(9).toBase64() };
  says(call, { serverContent: { modelTurn: { parts: [{ inlineData }] } } });
}

function breaks(call: Call): void {
  const before = call.actions.length;
  call.open.delete("up0.1");
  call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
  // Whoever is gone is told nothing of what it said last.
  const told = call.actions
    .slice(before)
    .filter((action) => action.type === "send" && action.peer === "up0.1");
  expect(told).toEqual([]);
  call.advance(1000);
  opens(call, "up0.2");
}

const told = (call: Call): string => JSON.stringify(call.commands("up0.2"));

describe("words that may still have grown", () => {
  test.each(["client", "server"] as const)(
    "[U301] are all there is when the connection breaks off in the answer to them (turns: %s)",
    (turns) => {
      const call = heardAt(turns);
      speaks(call);
      breaks(call);
      expect(call.last("conversation.item.input_audio_transcription.completed")["transcript"]).toBe(SAID);
      expect(told(call)).toContain(SAID);
      expect(told(call)).not.toContain('"realtimeInput":{"audio"');
      expect(JSON.stringify(call.events)).not.toContain("audio_lost");
    },
  );

  test("[U301] are not, where nobody had answered them: what was said is told again by its sound", () => {
    const call = heardAt("client");
    breaks(call);
    expect(told(call)).not.toContain(SAID);
    expect(told(call)).toContain('"realtimeInput":{"audio"');
  });

  test("[U301] are all there is when another connection takes over in the answer to them, because time is up", () => {
    const call = heardAt("server", 8000);
    speaks(call);
    says(call, { goAway: { timeLeft: "1s" } });
    opens(call, "up0.2");
    call.advance(1000);
    expect(call.open.has("up0.1")).toBe(false);
    expect(call.last("conversation.item.input_audio_transcription.completed")["transcript"]).toBe(SAID);
    call.advance(1000);
    expect(told(call)).toContain(SAID);
  });
});
