/** What a client asks for and is refused costs nobody anything. */
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { Call } from "../support/call.ts";
import { voice } from "../support/signal.ts";

const MANUAL = { audio: { input: { turn_detection: null } } };
const NO_ASIDE = { name: "wire", options: { adapter: "wire", settings: { outOfBand: false } } };
const ASIDE = { type: "response.create", response: { conversation: "none" } };

const asked = (call: Call) =>
  call.actions.filter((action) => action.type === "metric" && action.name === "answers_asked").length;

const dials = (call: Call) => call.actions.filter(({ type }) => type === "dial").length;

function spoken(ms: number, id?: string): JsonObject {
  const audio = new Uint8Array(voice(ms).buffer).toBase64();
  const content = [{ type: "input_audio", audio }];
  return { type: "message", role: "user", content, ...(id === undefined ? {} : { id }) };
}

function codeOf(call: Call): unknown {
  return (call.last("error")["error"] as JsonObject)["code"];
}

describe("a response.create that is refused", () => {
  test("[M91] because nobody answers out of band takes no answer of its minute, nor of its key's", () => {
    const call = new Call({ upstreams: [NO_ASIDE], session: MANUAL, limits: { answersPerMinute: 2 } });
    for (let n = 0; n < 3; n += 1) {
      call.client(ASIDE);
      expect(codeOf(call)).toBe("unsupported");
    }
    expect(asked(call)).toBe(0);
    call.client({ type: "response.create" });
    expect(asked(call)).toBe(1);
    expect(call.commandTypes()).toEqual(["greet", "respond"]);
  });

  test("[M91] because too many run likewise", () => {
    const call = new Call({ session: MANUAL, limits: { activeResponses: 1 } });
    for (let n = 0; n < 5; n += 1) call.client(ASIDE);
    expect(codeOf(call)).toBe("too_many_responses");
    expect(asked(call)).toBe(1);
  });

  test("[M91] because a minute has had its answers takes none of its audio", () => {
    const limits = { answersPerMinute: 1, clientAudioBurstMs: 3000, clientAudioSpeed: 0.001 };
    const call = new Call({ session: MANUAL, limits });
    call.client({ type: "response.create" });
    call.answer(voice(100));
    call.advance(200);
    for (let n = 0; n < 3; n += 1) {
      call.client({ type: "response.create", response: { input: [spoken(2000)] } });
      expect((call.last("error")["error"] as JsonObject)["param"]).toBeNull();
    }
    call.client({ type: "conversation.item.create", item: spoken(2000) });
    expect(call.types()).toContain("conversation.item.done");
  });
});

describe("an item that is refused", () => {
  test.each([
    ["item_create_invalid_previous_item_id", { item: spoken(2000, "b"), previous_item_id: "nobody" }],
    ["item_create_duplicate_item_id", { item: spoken(2000, "a") }],
  ])("[M91] with %s dials nobody and takes no audio", (code, created) => {
    const call = new Call({
      session: MANUAL,
      limits: { clientAudioBurstMs: 3000, clientAudioSpeed: 0.001 },
    });
    call.client({ type: "conversation.item.create", item: spoken(500, "a") });
    call.advance(200_000);
    expect(call.open.has("up0.1")).toBe(false);
    for (let n = 0; n < 3; n += 1) {
      call.client({ type: "conversation.item.create", ...created });
      expect(codeOf(call)).toBe(code);
    }
    expect(dials(call)).toBe(1);
    call.client({ type: "conversation.item.create", item: spoken(2000, "b") });
    expect(call.last("conversation.item.done")).toMatchObject({ item: { id: "b" } });
  });
});
