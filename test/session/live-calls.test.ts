/** Calls with OpenAI's Live API, in virtual time: what a client of OpenAI's dialect makes of a model that takes no turns. */
import { expect, test } from "vitest";

import { objectAt, textAt } from "../../src/upstreams/json.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { LiveCall } from "../support/live-call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const TURN = concat(silence(200), voice(1500), silence(700));
const said = (words: string) => expect.stringContaining(`"transcript":"${words}"`) as string;

/** A call that was held for two turns. */
function held(settings: JsonObject = {}): LiveCall {
  const live = new LiveCall(settings);
  live.live.push({ say: "Good day. What can I do for you?" });
  live.speak(TURN, "Good morning.");
  live.pass(5000);
  return live;
}

test("[U182][U183][U184] a turn has its words and its answer, though the client sends nothing more", () => {
  const live = held();
  const { call, models } = live;
  expect(live.answers()).toEqual([said("Good day. What can I do for you?")]);
  expect(call.last("conversation.item.input_audio_transcription.completed")).toMatchObject({
    transcript: "Good morning.",
    item_id: call.last("input_audio_buffer.committed")["item_id"],
  });
  expect(models.map(({ provider }) => provider.refused)).toEqual([[]]);
  expect(models[0]?.provider.positionMs).toBeGreaterThan(7000);
  expect(call.types()).not.toContain("error");
});

test("[U185] a task is a call, and what the model says of its result answers the client's response.create", () => {
  const live = held();
  const { call } = live;
  call.clearEvents();
  live.live.push({ say: "Let me see.", task: "item_7" }, { say: "It is done." });
  live.speak(TURN, "Book a table.");
  const result = { type: "function_call_output", call_id: "item_7", output: '{"ok":true}' };
  call.client({ type: "conversation.item.create", item: result });
  call.client({ type: "response.create" });
  const asked = textAt(objectAt(call.last("response.created") as unknown as JsonObject, "response"), "id");
  live.pass(5000);
  expect(live.answers()[0]).toContain("delegate");
  expect(live.answers().at(-1)).toEqual(said("It is done."));
  expect(call.last("response.done")["response"]).toMatchObject({ id: asked, status: "completed" });
  expect(call.types()).not.toContain("error");
});

test("[U188] what a client cancels is not heard, and the next answer is", () => {
  const live = held();
  const { call } = live;
  call.clearEvents();
  live.live.push({ say: "This is a story that nobody wants to hear. ".repeat(4) }, { say: "Thursday." });
  live.speak(TURN, "Tell me a story.");
  live.pass(500);
  const response = objectAt(call.last("response.created") as unknown as JsonObject, "response");
  call.client({ type: "response.cancel", response_id: textAt(response, "id") });
  const before = call.types().filter((type) => type === "response.output_audio.delta").length;
  live.pass(1000);
  expect(call.types().filter((type) => type === "response.output_audio.delta")).toHaveLength(before);
  expect(live.answers()).toEqual([expect.stringContaining("cancelled: ") as string]);
  expect(live.models[0]?.provider.told("instructions").at(-1)).toMatch(/^You were stopped/);
  live.speak(TURN, "Which day is it?");
  live.pass(4000);
  expect(live.answers().at(-1)).toEqual(said("Thursday."));
});

test("[U181] a session after a lost one begins with what was said, and is told nothing of it twice", () => {
  const live = held();
  live.live.push({ say: "This was said before it broke off in its very middle.", breakAfter: 12 });
  live.speak(TURN, "Tell me.");
  live.pass(6000);
  const [, second] = live.models;
  const input = objectAt(second?.provider.received[0] ?? null, "session")?.["input"];
  expect(JSON.stringify(input)).toContain("Good day. What can I do for you?");
  expect(JSON.stringify(input)).toContain("Good morning.");
  const told = JSON.stringify(second?.provider.received);
  for (const words of ["Good day. What can", "Tell me.", "This was said before"])
    expect(told.split(words)).toHaveLength(2);
  expect(second?.provider.refused).toEqual([]);
  expect(live.models).toHaveLength(2);
});

test("[U190][U192] its seconds are in the session's usage, and a call that falls silent is hung up with session.close", () => {
  const live = held();
  const { call, models } = live;
  call.input({ type: "message", peer: "up0.1", data: models[0]?.provider.used(7) ?? "" });
  call.input({ type: "message", peer: "up0.1", data: models[0]?.provider.used(9) ?? "" });
  expect(call.session.state().usage).toMatchObject({ audio_seconds: 9 });
  expect(models[0]?.provider.of("session.close")).toEqual([]);
  live.pass(125_000);
  expect(models[0]?.provider.of("session.close")).toHaveLength(1);
  expect(models[0]?.provider.refused).toEqual([]);
  expect(call.open.size).toBe(1);
});

test("[U241] before the time at which its provider says that a session ends, another one takes over, told what was said", () => {
  const live = new LiveCall({}, {}, 60_000);
  live.live.push({ say: "Good day. What can I do for you?" });
  live.speak(TURN, "Good morning.");
  live.pass(38_000);
  expect(live.models).toHaveLength(1);
  live.pass(20_000);
  expect(live.models).toHaveLength(2);
  expect(live.models[0]?.provider.closed).toBe(true);
  const input = objectAt(live.models[1]?.provider.received[0] ?? null, "session")?.["input"];
  expect(JSON.stringify(input)).toContain("What can I do for you?");
  expect(live.call.types()).not.toContain("error");
  // A clock that says another year is not the session's.
  const other = new LiveCall({}, {}, 1_791_373_550_000);
  other.pass(3000);
  expect(other.models).toHaveLength(1);
});

test("[U240] a stored session that broke off is followed by its fork, which is told nothing that it knows", () => {
  const live = held({ session: { store: true } });
  live.live.push({ say: "This was said before it broke off in its very middle.", breakAfter: 12 });
  live.speak(TURN, "Tell me.");
  live.pass(6000);
  const [, fork] = live.models;
  expect(fork?.provider.received[0]).toMatchObject({ type: "session.start", session: { audio: {} } });
  expect(live.dialled.at(-1)).toMatch(/\/live\/sessions\/live_u7\/fork$/);
  const told = JSON.stringify(fork?.provider.received);
  for (const words of ["Good morning.", "Good day. What can", "Tell me."]) expect(told).not.toContain(words);
  expect(fork?.provider.refused).toEqual([]);
  live.live.push({ say: "Thursday." });
  live.speak(TURN, "Which day is it?");
  live.pass(4000);
  expect(live.answers().at(-1)).toEqual(said("Thursday."));
});
