/** What is cut, deleted or cancelled concerns nothing else. */
import { expect, test } from "vitest";

import { begin, say } from "../support/answering.ts";
import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const sentMs = (call: Call): number => call.frames.reduce((sum, { payload }) => sum + payload.length / 48, 0);
const itemId = (call: Call) => (call.last("conversation.item.added")["item"] as { readonly id: string }).id;

// B96
test("[B96] a truncation of what was heard long ago leaves the lead of what sounds now", () => {
  const call = new Call({ dialect: "duplex.v1" });
  call.client({ type: "response.create" });
  call.answer(voice(1000));
  const item_id = itemId(call);
  call.advance(2000);
  call.client({ type: "response.create" });
  call.answer(voice(20_000));
  call.advance(1000);
  const before = sentMs(call);
  call.client({ type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 500 });
  call.advance(100);
  expect(sentMs(call) - before).toBeLessThan(200);
});

// B97
test("[B97] an item that was deleted while it grew is not truncated at its provider", () => {
  const call = new Call();
  call.client({ type: "response.create" });
  begin(call);
  call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
  say(call, 1000);
  const item_id = itemId(call);
  call.client({ type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 500 });
  call.client({ type: "conversation.item.delete", item_id });
  say(call, 1000);
  call.finishAnswer();
  expect(call.commandTypes()).toEqual(["greet", "respond", "truncate", "delete"]);
});

// R33
test("[R33] a provider that never ended a cancelled answer, and began others since, has its time for the next", () => {
  const call = new Call();
  call.client({ type: "response.create" });
  begin(call, "cancelled");
  call.client({ type: "response.cancel" });
  call.advance(1000);
  call.client({ type: "response.create" });
  call.answer(voice(100));
  call.advance(60_000);
  call.client({ type: "response.create" });
  // It thinks for long, and is left alone.
  call.advance(10_000);
  expect(call.types()).not.toContain("error");
  call.answer(voice(100));
  expect(call.types().at(-1)).toBe("response.done");
  expect([...call.open]).toEqual(["client", "up0.1"]);
});

// B106
test("[B106] what is cut while the client is away is not taken to sound when it is back", () => {
  const call = new Call({ dialect: "duplex.v1", session: { relay: { lead_ms: null } } });
  call.client({ type: "response.create" });
  begin(call);
  call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
  say(call, 20_000);
  call.advance(1000);
  const { tokens } = call.session.snapshot().delivery;
  const last_received = Number(call.frames.at(-1)?.header.sequence);
  call.open.delete("client");
  call.input({ type: "close", peer: "client", code: 1006, reason: "" });
  call.advance(12_000);
  call.upstream({ type: "interrupted" });
  call.advance(2000);
  call.connect("duplex.v1");
  call.client({ type: "session.resume", resume_token: tokens[0] ?? "", last_received });
  call.speak(concat(silence(3000), voice(400)));
  expect(call.types()).toContain("input_audio_buffer.speech_started");
  expect(call.types()).not.toContain("overlap.decision");
});
