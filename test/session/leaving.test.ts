/** Calls that the agent's side ends: what is being said is heard to its end before anybody hangs up. */
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { CLIENT, type Dialect } from "../../src/session/io.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";
import { Watcher } from "../support/watcher.ts";

const TURN = concat(silence(600), voice(1200), silence(900));
/** Another voice than the agent's: no echo of it. */
const OTHER = concat(silence(100), voice(1500, 24_000, 9), silence(900));
const FAREWELL_MS = 3000;
const ended = (call: Call): boolean => call.actions.at(-1)?.type === "end";
const heardMs = (call: Call): number =>
  call.frames.reduce((sum, { payload }) => sum + payload.byteLength, 0) / 48;

function saysGoodbye(dialect: Dialect): { readonly call: Call; readonly backend: Watcher } {
  const call = new Call({ dialect });
  const backend = new Watcher(call);
  call.speak(TURN);
  call.answer(voice(FAREWELL_MS), "Goodbye.");
  return { call, backend };
}

describe("`relay.end` with `after: heard`", () => {
  test.each(["duplex.v1", "realtime"] as const)(
    "[N80] ends a %s session when the farewell was heard",
    (dialect) => {
      const { call, backend } = saysGoodbye(dialect);
      backend.say({ type: "relay.end", after: "heard" });
      call.advance(FAREWELL_MS - 500);
      expect(ended(call)).toBe(false);
      call.advance(1500);
      expect(ended(call)).toBe(true);
      expect(call.actions).toContainEqual(
        expect.objectContaining({ type: "close", peer: CLIENT, code: 1000 }),
      );
      if (dialect === "duplex.v1") expect(heardMs(call)).toBeGreaterThanOrEqual(FAREWELL_MS);
    },
  );

  test("[N80] ends at once what says nothing, or whom nobody hears, and goes on in another isolate", () => {
    const call = new Call();
    new Watcher(call).say({ type: "relay.end", after: "heard" });
    expect(ended(call)).toBe(true);
    const gone = saysGoodbye("duplex.v1");
    gone.call.input({ type: "close", peer: CLIENT, code: 1006, reason: "" });
    gone.backend.say({ type: "relay.end", after: "heard" });
    expect(ended(gone.call)).toBe(true);
    const moved = saysGoodbye("realtime");
    moved.backend.say({ type: "relay.end", after: "heard" });
    moved.call.hibernate();
    moved.call.advance(FAREWELL_MS + 1000);
    expect(ended(moved.call)).toBe(true);
  });

  test("[N80] is called off by a caller who has something to say still, which the application is told", () => {
    const { call, backend } = saysGoodbye("realtime");
    backend.say({ type: "relay.end", after: "heard" });
    call.speak(OTHER);
    expect(backend.types).toContain("relay.end.cancelled");
    expect(call.types()).not.toContain("relay.end.cancelled");
    call.answer(voice(300));
    call.advance(40_000);
    expect(ended(call)).toBe(false);
    backend.say({ type: "relay.end", after: "heard" });
    expect(ended(call)).toBe(true);
  });

  test("[N80] ends after half a minute whatever is said; another `after` is refused", () => {
    const call = new Call();
    const backend = new Watcher(call);
    backend.say({ type: "relay.end", after: "lunch", event_id: "e" });
    expect(backend.last("error")["error"]).toMatchObject({
      code: "invalid_value",
      param: "after",
      event_id: "e",
    });
    call.speak(TURN);
    call.beginAnswer();
    backend.say({ type: "relay.end", after: "heard" });
    const audio = new Uint8Array(voice(500).buffer).toBase64();
    for (let at = 0; at < 29_500; at += 500) {
      call.upstream({ type: "audio", response: "r", item: "i", audio });
      call.advance(500);
    }
    expect(ended(call)).toBe(false);
    call.advance(600);
    expect(ended(call)).toBe(true);
  });
});

describe("an agent of ElevenLabs' that ends the call", () => {
  const PCM = { agent_output_audio_format: "pcm_24000", user_input_audio_format: "pcm_24000" };
  const bye = voice(1500);
  const sound = new Uint8Array(bye.buffer, bye.byteOffset, bye.byteLength).toBase64();

  function agent(): { readonly call: Call; readonly says: (event: JsonObject) => void } {
    const options = { adapter: "elevenlabs-agents", model: "agent_1" };
    const call = new Call({ upstreams: [{ name: "agent", options }], createUpstream, connect: false });
    call.connect("realtime");
    const says = (event: JsonObject) =>
      call.input({ type: "message", peer: "up0.1", data: JSON.stringify(event) });
    call.input({ type: "open", peer: "up0.1" });
    says({
      type: "conversation_initiation_metadata",
      conversation_initiation_metadata_event: { conversation_id: "c", ...PCM },
    });
    return { call, says };
  }

  function hangsUp(says: (event: JsonObject) => void, is_error = false): void {
    says({ type: "agent_response", agent_response_event: { agent_response: "Goodbye.", event_id: 1 } });
    says({ type: "audio", audio_event: { audio_base_64: sound, event_id: 1 } });
    const tool = { tool_name: "end_call", tool_call_id: "t", tool_type: "system" };
    const agent_tool_response = { ...tool, is_error, is_called: true, event_id: 1 };
    says({ type: "agent_tool_response", agent_tool_response });
  }
  const close = (call: Call) => {
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1000, reason: "" });
  };
  const dials = (call: Call): number => call.actions.filter(({ type }) => type === "dial").length;

  test("[U402] is heard to its end, is not dialled again, and the session ends", () => {
    const { call, says } = agent();
    hangsUp(says);
    call.advance(100);
    close(call);
    call.advance(1000);
    expect(ended(call)).toBe(false);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
    call.advance(2000);
    expect(ended(call)).toBe(true);
    expect(dials(call)).toBe(1);
    expect(call.types()).not.toContain("error");
  });

  test("[U402] is not dialled for a caller who still speaks, but as after any loss where it did not hang up", () => {
    const { call, says } = agent();
    hangsUp(says);
    close(call);
    call.speak(OTHER);
    call.advance(31_000);
    expect(ended(call)).toBe(true);
    expect(dials(call)).toBe(1);
    const other = agent();
    hangsUp(other.says, true);
    close(other.call);
    other.call.advance(3000);
    expect(dials(other.call)).toBeGreaterThan(1);
  });
});
