import { describe, expect, test } from "vitest";

import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

type Shown = Record<string, unknown> & {
  audio: { input: Record<string, unknown>; output: Record<string, unknown> };
};
const shown = (call: Call, type = "session.updated") => call.last(type)["session"] as Shown;

describe("the session object", () => {
  test("[G1] session.created carries the full effective configuration before any upstream is ready", () => {
    const call = new Call({ connect: false });
    call.connect("realtime");
    expect(call.types()).toEqual(["session.created"]);
    expect(shown(call, "session.created")).toMatchObject({
      type: "realtime",
      object: "realtime.session",
      model: "demo",
      output_modalities: ["audio"],
      tools: [],
      tool_choice: "auto",
      max_output_tokens: "inf",
      audio: {
        input: {
          format: { type: "audio/pcm", rate: 24000 },
          transcription: null,
          turn_detection: {
            type: "server_vad",
            threshold: 0.5,
            prefix_padding_ms: 300,
            silence_duration_ms: 500,
            create_response: true,
            interrupt_response: true,
          },
        },
        output: { format: { type: "audio/pcm", rate: 24000 }, voice: "default", speed: 1 },
      },
    });
  });

  test("[G2] session.update changes only what it names and is answered with all of it", () => {
    const call = new Call();
    call.client({
      type: "session.update",
      session: { audio: { input: { turn_detection: { silence_duration_ms: 900 } } } },
    });
    expect(shown(call).audio.input["turn_detection"]).toMatchObject({
      type: "server_vad",
      silence_duration_ms: 900,
      threshold: 0.5,
      interrupt_response: true,
    });
    call.client({ type: "session.update", session: { instructions: "Be brief." } });
    expect(shown(call)).toMatchObject({
      instructions: "Be brief.",
      audio: { input: { turn_detection: { silence_duration_ms: 900 } } },
    });
  });

  test("[G3] semantic_vad named alone gets its booleans: clients decide who cancels by them", () => {
    const call = new Call();
    call.client({
      type: "session.update",
      session: { audio: { input: { turn_detection: { type: "semantic_vad" } } } },
    });
    expect(shown(call).audio.input["turn_detection"]).toEqual({
      type: "semantic_vad",
      eagerness: "auto",
      create_response: true,
      interrupt_response: true,
    });
  });

  test("[G4] null clears, unknown keys are stored and echoed", () => {
    const call = new Call();
    const transcription = { model: "gpt-4o-mini-transcribe" };
    call.client({
      type: "session.update",
      session: {
        brand_new: { deep: [1] },
        audio: { input: { transcription, new_too: 1 } },
      },
    });
    expect(shown(call)).toMatchObject({
      brand_new: { deep: [1] },
      audio: { input: { transcription, new_too: 1 } },
    });
    call.client({
      type: "session.update",
      session: { audio: { input: { transcription: null, turn_detection: null } } },
    });
    expect(shown(call)).toMatchObject({
      brand_new: { deep: [1] },
      audio: { input: { transcription: null, turn_detection: null, new_too: 1 } },
    });
  });

  test.each([
    ["session.audio.input.format.rate", { audio: { input: { format: { type: "audio/pcm", rate: 44100 } } } }],
    ["session.audio.input.format.type", { audio: { input: { format: { type: "audio/opus" } } } }],
    [
      "session.audio.input.turn_detection.threshold",
      { audio: { input: { turn_detection: { threshold: 2 } } } },
    ],
    ["session.audio.input.turn_detection.type", { audio: { input: { turn_detection: { type: "magic" } } } }],
    ["session.instructions", { instructions: 7 }],
    ["session.output_modalities", { output_modalities: ["audio", "text"] }],
    ["session.max_output_tokens", { max_output_tokens: 0 }],
    ["session.audio.output.speed", { audio: { output: { speed: 9 } } }],
    ["session.type", { type: "transcription" }],
  ])("[G5] a wrong %s is an error that names it, and nothing changes", (param, session) => {
    const call = new Call();
    call.client({ type: "session.update", session, event_id: "u" });
    const error = call.last("error")["error"] as { param: string; event_id: string };
    expect(error.event_id).toBe("u");
    expect(error.param.startsWith(param)).toBe(true);
    expect(call.types()).not.toContain("session.updated");
    call.client({ type: "session.update", session: {} });
    const created = shown(call, "session.created");
    expect({ ...shown(call), expires_at: 0 }).toEqual({ ...created, expires_at: 0 });
  });

  test("[G6] the model cannot be changed, the voice only before the assistant has spoken", () => {
    const call = new Call();
    call.client({ type: "session.update", session: { model: "other", audio: { output: { voice: "a" } } } });
    expect(shown(call)).toMatchObject({ model: "demo", audio: { output: { voice: "a" } } });
    call.client({ type: "response.create" });
    call.answer(voice(100));
    call.client({ type: "session.update", session: { audio: { output: { voice: "b" } } } });
    expect(call.last("error")["error"]).toMatchObject({ param: "session.audio.output.voice" });
    call.client({ type: "session.update", session: { audio: { output: { voice: "a", speed: 1.2 } } } });
    expect(shown(call)).toMatchObject({ audio: { output: { voice: "a", speed: 1.2 } } });
  });

  test("[G6] it has spoken also beside the conversation, and in an item that is gone", () => {
    const call = new Call();
    call.client({ type: "response.create", response: { conversation: "none" } });
    call.answer(voice(100));
    call.client({ type: "session.update", session: { audio: { output: { voice: "b" } } } });
    expect(call.last("error")["error"]).toMatchObject({ code: "cannot_update_voice" });
    expect(call.types()).not.toContain("session.updated");
    const other = new Call();
    other.client({ type: "response.create" });
    other.answer(voice(100));
    const { id } = other.last("response.output_item.done")["item"] as { id: string };
    other.client({ type: "conversation.item.delete", item_id: id });
    other.client({ type: "session.update", session: { audio: { output: { voice: "b" } } } });
    expect(other.last("error")["error"]).toMatchObject({ code: "cannot_update_voice" });
  });

  test("[G7] the token's and the plan's settings are under the client's, and upstreams are told", () => {
    const call = new Call({
      planSession: { instructions: "plan", audio: { output: { voice: "plan" } } },
      session: { instructions: "token" },
    });
    expect(shown(call, "session.created")).toMatchObject({
      instructions: "token",
      audio: { output: { voice: "plan" } },
    });
    call.client({ type: "session.update", session: { instructions: "client" } });
    expect(call.commands()[0]).toMatchObject({ type: "greet", config: { instructions: "token" } });
    expect(call.commands().at(-1)).toMatchObject({
      type: "configure",
      config: { instructions: "client", voice: "plan" },
    });
  });

  test("[G8] silence_duration_ms, prefix_padding_ms and threshold each show their effect", () => {
    const events = (turn: Record<string, number>) => {
      const call = new Call({ session: { audio: { input: { turn_detection: { ...turn } } } } });
      call.speak(concat(silence(600), voice(1200), silence(1500)));
      return {
        start: Number(call.last("input_audio_buffer.speech_started")["audio_start_ms"]),
        end: Number(call.last("input_audio_buffer.speech_stopped")["audio_end_ms"]),
      };
    };
    const usual = events({});
    expect(events({ silence_duration_ms: 900 }).end - usual.end).toBeCloseTo(400, -1);
    expect(usual.start - events({ prefix_padding_ms: 500 }).start).toBe(200);
    // Hardly louder than the room.
    const soft = voice(1200).map((value) => value / 70);
    for (const [threshold, heard] of [
      [0.5, true],
      [1, false],
    ] as const) {
      const call = new Call({ session: { audio: { input: { turn_detection: { threshold } } } } });
      call.speak(concat(silence(2000), soft, silence(1500)));
      expect(call.types().includes("input_audio_buffer.speech_started")).toBe(heard);
    }
  });

  test("[G9] a transcription session has input events only", () => {
    const call = new Call({ intent: "transcription" });
    expect(shown(call, "session.created")).toMatchObject({ type: "transcription" });
    call.speak(concat(silence(600), voice(1200), silence(900)));
    expect(call.types()).toContain("input_audio_buffer.committed");
    expect(call.types()).not.toContain("response.created");
    call.client({ type: "response.create", event_id: "r" });
    expect(call.last("error")["error"]).toMatchObject({ event_id: "r" });
  });

  test("[G10] a change of the output format is heard from the next answer on", () => {
    const call = new Call();
    const format = { type: "audio/pcmu" };
    call.client({ type: "session.update", session: { audio: { output: { format } } } });
    call.client({ type: "response.create" });
    call.answer(voice(1000));
    const bytes = call.events
      .filter((event) => event.type === "response.output_audio.delta")
      .reduce((sum, event) => sum + Uint8Array.fromBase64(String(event["delta"])).length, 0);
    expect(bytes).toBe(8000);
  });
});
