/** What a client says in the pause in which an answer was asked for in advance. */
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const item: JsonObject = { type: "message", role: "user", content: [{ type: "input_text", text: "Also." }] };
const vad = (more: JsonObject) => ({
  audio: { input: { turn_detection: { type: "server_vad", silence_duration_ms: 500, ...more } } },
});

/** An answer was asked for in advance, and the caller pauses. */
function pausing(): Call {
  const call = new Call({ session: { relay: { eager_ms: 150 } } });
  call.speak(concat(silence(600), voice(900), silence(300)));
  expect(call.commandTypes()).toEqual(["greet", "audio", "commit", "respond"]);
  return call;
}

const after = (call: Call): readonly string[] => call.commandTypes().slice(4);

describe("in the pause after a half turn", () => {
  // B95
  test("[B95] an update that takes the answers into the client's hands takes back what was asked for in advance", () => {
    const call = pausing();
    call.client({ type: "session.update", session: vad({ create_response: false }) });
    call.speak(silence(600));
    expect(call.types()).toContain("input_audio_buffer.committed");
    expect(call.types()).not.toContain("response.created");
    expect(after(call)).toEqual(["cancel", "delete", "configure", "audio", "commit"]);
  });

  // B95
  test("[B95] new instructions are those that the answer follows, and what changes nothing takes nothing back", () => {
    const call = pausing();
    call.client({ type: "session.update", session: { relay: { eager_ms: 150 } } });
    expect(after(call)).not.toContain("cancel");
    call.client({ type: "session.update", session: { instructions: "Be brief." } });
    call.speak(silence(600));
    const again = ["cancel", "delete", "configure", "audio", "commit", "respond"];
    expect(after(call)).toEqual(["configure", ...again]);
    expect(call.types()).toContain("response.created");
  });

  // B95
  test("[B95] an item that the client creates comes before the turn for everybody, and the answer knows of it", () => {
    const call = pausing();
    call.client({ type: "conversation.item.create", item });
    call.speak(silence(600));
    expect(after(call)).toEqual(["cancel", "delete", "item", "audio", "commit", "respond"]);
    const entries = call.session.snapshot().conversation.entries.map((entry) => entry.item["content"]);
    expect(entries).toEqual([item["content"], [{ type: "input_audio", transcript: null }]]);
  });

  // B95
  test("[B95] of what a plain client says late that it did not hear the answer knows nothing", () => {
    const call = new Call({ session: { relay: { eager_ms: 150 } } });
    call.client({ type: "response.create" });
    call.answer(voice(3000));
    call.advance(4000);
    const { id: item_id } = call.last("conversation.item.done")["item"] as { readonly id: string };
    call.speak(concat(silence(600), voice(900), silence(300)));
    expect(call.commandTypes().slice(-2)).toEqual(["commit", "respond"]);
    call.client({ type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 700 });
    call.speak(silence(600));
    const again = ["cancel", "delete", "truncate", "audio", "commit", "respond"];
    expect(call.commandTypes().slice(-6)).toEqual(again);
  });

  // B95
  test("[B95] of an item that the client deletes the answer knows nothing", () => {
    const call = new Call({ session: { relay: { eager_ms: 150 } } });
    call.client({ type: "conversation.item.create", item: { ...item, id: "gone" } });
    call.speak(concat(silence(600), voice(900), silence(300)));
    call.client({ type: "conversation.item.delete", item_id: "gone" });
    call.speak(silence(600));
    const types = ["greet", "item", "audio", "commit", "respond"];
    const again = ["cancel", "delete", "delete", "audio", "commit", "respond"];
    expect(call.commandTypes()).toEqual([...types, ...again]);
  });
});
