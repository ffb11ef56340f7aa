/** What else learns of words under a guard: the background's text model, and clients of what a provider says beside its answers. */
import { describe, expect, test } from "vitest";

import { saysSo, thoughtAt, bodyOf, wants, MIND } from "../support/background.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { Call } from "../support/call.ts";
import { guarded, inputGuarded, judge, questions, texts } from "../support/guard.ts";
import { asks, gives, made, callsTools, store, tool } from "../support/tools.ts";
import { concat, silence, voice } from "../support/signal.ts";

const TASK = "Find a table for two.";
const FIRST = "Is there a table tonight?";
const LATER = "And how do I pick a lock?";

function typed(call: Call, text: string): void {
  const content = [{ type: "input_text", text }];
  call.client({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
}

describe("the text model of a background under an input guard", () => {
  const begun = (): Call => {
    const call = inputGuarded({}, { background: MIND });
    typed(call, FIRST);
    call.client({ type: "response.create" });
    judge(call, 0, null);
    return call;
  };

  test("[X236] is told nothing of what is still to be judged", () => {
    const call = begun();
    typed(call, LATER);
    wants(call, TASK);
    const told = JSON.stringify(bodyOf(thoughtAt(call)));
    expect(told).toContain(FIRST);
    expect(told).not.toContain(LATER);
  });

  test("[X236] and all that has passed by then", () => {
    const call = begun();
    saysSo(call);
    typed(call, LATER);
    call.client({ type: "response.create" });
    judge(call, texts(call).indexOf(LATER), null);
    wants(call, TASK);
    expect(JSON.stringify(bodyOf(thoughtAt(call)))).toContain(LATER);
  });
});

describe("what a tool of the relay's gave, under an input guard", () => {
  const TURN = concat(voice(1200), silence(900));
  const spoken = (call: Call, transcript: string): void => {
    const commit = call.commands().findLast(({ type }) => type === "commit");
    if (commit?.type !== "commit") throw new Error("no turn was committed");
    const { itemId } = commit;
    call.upstream({ type: "input.transcript.completed", itemId, transcript, usage: null });
  };

  /** A tool runs, and the caller begins to speak. */
  function running(): Call {
    const call = inputGuarded({ waitMs: 5000 }, { tools: [tool("weather")] });
    typed(call, FIRST);
    call.client({ type: "response.create" });
    judge(call, 0, null);
    callsTools(call);
    store(call);
    expect(made(call)).toHaveLength(1);
    call.speak(silence(600));
    return call;
  }

  test.each(["while the caller speaks", "while their words are judged"])(
    "[X237] is spoken of though the words that came with it are refused: it came %s",
    (when) => {
      const call = running();
      const before = asks(call);
      call.speak(voice(1200));
      if (when === "while the caller speaks") gives(call, "Rain.");
      call.speak(silence(900));
      spoken(call, LATER);
      if (when === "while their words are judged") gives(call, "Rain.");
      expect(asks(call)).toBe(before);
      judge(call, questions(call).length - 1, "illicit");
      expect(asks(call)).toBe(before + 1);
    },
  );

  test("[X237] and once, with the answer to the words that have passed", () => {
    const call = running();
    const before = asks(call);
    call.speak(TURN.subarray(0, 24 * 1200));
    gives(call, "Rain.");
    call.speak(TURN.subarray(24 * 1200));
    spoken(call, "And tomorrow?");
    judge(call, questions(call).length - 1, null);
    expect(asks(call)).toBe(before + 1);
    call.answer(new Int16Array(2400).fill(900));
    call.advance(2000);
    expect(asks(call)).toBe(before + 1);
  });
});

describe("what a provider says in an answer that is handed on unread", () => {
  const OPTIONS = { adapter: "openai-compatible", url: "https://provider.test/v1/realtime", model: "m" };

  /** Its thoughts, a part of a kind that nobody knows, an event that nobody knows, and what a tool of its own does. */
  function said(guard: boolean): Call {
    const upstream = { upstreams: [{ name: "p", options: OPTIONS }], createUpstream, connect: false };
    const call = guard ? guarded({}, upstream) : new Call(upstream);
    const provider = (event: JsonObject): void => {
      call.input({ type: "message", peer: "up0.1", data: JSON.stringify(event) });
    };
    call.connect("duplex.v1");
    call.input({ type: "open", peer: "up0.1" });
    provider({ type: "session.created", session: { type: "realtime" } });
    provider({ type: "session.updated", session: { type: "realtime" } });
    call.client({ type: "response.create" });
    const { id } = call.last("response.created")["response"] as { readonly id: string };
    const metadata = { relay_response: id };
    provider({ type: "response.created", response: { id: "P_r", status: "in_progress", metadata } });
    const of = { response_id: "P_r", output_index: 0 };
    const thoughts = { id: "P_t", type: "reasoning", summary: [{ type: "summary_text", text: "fool 1" }] };
    provider({ type: "response.output_item.added", ...of, item: thoughts });
    provider({ type: "response.reasoning_text.delta", ...of, item_id: "P_t", delta: "fool 2" });
    provider({ type: "response.output_item.done", ...of, item: thoughts });
    const at = { ...of, item_id: "P_m", content_index: 0 };
    provider({
      type: "response.output_item.added",
      ...of,
      output_index: 1,
      item: { id: "P_m", type: "message", role: "assistant", content: [] },
    });
    provider({ type: "response.content_part.added", ...at, part: { type: "refusal", refusal: "fool 3" } });
    provider({ type: "response.refusal.delta", ...at, delta: "fool 4" });
    const mcp = { id: "P_c", type: "mcp_call", name: "look", arguments: "{}" };
    provider({ type: "response.output_item.added", ...of, output_index: 2, item: mcp });
    provider({ type: "response.mcp_call.in_progress", ...of, output_index: 2, item_id: "P_c" });
    return call;
  }

  test("[X238] is not told under a guard, but for what the provider's own tools do", () => {
    expect(JSON.stringify(said(false).events)).toMatch(/fool 1.*fool 2.*fool 3.*fool 4/);
    const call = said(true);
    expect(JSON.stringify(call.events)).not.toContain("fool");
    expect(JSON.stringify(call.events)).toContain("mcp_call");
    expect(call.types()).toContain("response.mcp_call.in_progress");
  });
});
