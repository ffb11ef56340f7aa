/** Calls with Moshi servers, in virtual time and by real Opus: what a client of OpenAI's dialect makes of a model that takes no turns and no words. */
import { expect, test } from "vitest";

import { MoshiCall } from "../support/moshi-call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const TURN = concat(silence(200), voice(1500), silence(700));
const refusals = ({ models }: MoshiCall) => models.flatMap(({ provider }) => provider.refused);

test("[U281][U282] a turn is heard and answered with words and sound, though the client sends nothing more", () => {
  const moshi = new MoshiCall();
  moshi.script.push({ say: "Good day. What can I do for you?" });
  moshi.speak(TURN);
  moshi.pass(5000);
  expect(moshi.answers()).toEqual(["completed: Good day. What can I do for you?"]);
  const [model] = moshi.models;
  expect(model?.loudest).toBeGreaterThan(2000);
  // What nobody says is silence to it.
  expect(model?.heardMs).toBeGreaterThan(7000);
  expect(model?.heardMs).toBeLessThan(7500);
  expect(refusals(moshi)).toEqual([]);
  expect(moshi.codes()).toEqual([]);
});

test("[U284] what a client writes is refused by name and taken back, and the call goes on", () => {
  const moshi = new MoshiCall();
  const content = [{ type: "input_text", text: "Hello." }];
  const item = { id: "item_hello", type: "message", role: "user", content };
  moshi.call.client({ type: "conversation.item.create", event_id: "evt_7", item });
  moshi.pass(500);
  expect(moshi.call.last("error")["error"]).toMatchObject({ code: "unsupported", event_id: "evt_7" });
  expect(moshi.call.last("conversation.item.deleted")["item_id"]).toBe("item_hello");
  moshi.script.push({ say: "Yes." });
  moshi.speak(TURN);
  moshi.pass(3000);
  expect(moshi.answers()).toEqual(["completed: Yes."]);
});

test("[U284] a caller who speaks over it stops it; what is cut was heard as far as the client says", () => {
  const moshi = new MoshiCall();
  moshi.script.push(
    { say: "This is a story that nobody wants to hear to its end. ".repeat(3) },
    { say: "I stop." },
  );
  moshi.speak(TURN);
  moshi.pass(1000);
  moshi.speak(TURN);
  moshi.pass(3000);
  const [story, stopped] = moshi.answers();
  expect(story).toContain("This is a story");
  expect(story?.length).toBeLessThan(120);
  expect(stopped).toBe("completed: I stop.");
  expect(refusals(moshi)).toEqual([]);
});

test("[U285] PersonaPlex has the part that a session begins with; one that comes later is named, and nothing changes", () => {
  const session = { instructions: "You are Ann.", audio: { output: { voice: "VARM3" } } };
  const moshi = new MoshiCall({ server: "personaplex" }, { session });
  const asked = () => Object.fromEntries(new URL(moshi.dialled.at(-1) ?? "").searchParams);
  expect(asked()).toEqual({ voice_prompt: "VARM3.pt", text_prompt: "You are Ann." });
  const update = { type: "realtime", instructions: "You are Bob." };
  moshi.call.client({ type: "session.update", event_id: "evt_8", session: update });
  moshi.pass(500);
  expect(moshi.call.last("error")["error"]).toMatchObject({ code: "unsupported", event_id: "evt_8" });
  expect(moshi.call.types()).not.toContain("session.updated");
  // What is the relay's to change is changed, and told with what is in force.
  const detection = { audio: { input: { turn_detection: null } } };
  moshi.call.client({ type: "session.update", session: { ...update, ...detection } });
  moshi.pass(500);
  expect(moshi.call.last("session.updated")["session"]).toMatchObject({
    instructions: "You are Ann.",
    ...detection,
  });
  moshi.call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
  moshi.call.open.delete("up0.1");
  moshi.pass(1000);
  expect(moshi.dialled).toHaveLength(2);
  expect(asked()).toEqual({ voice_prompt: "VARM3.pt", text_prompt: "You are Ann." });
});

test("[U286] a server that talks to somebody else is waited for, told as busy, dialled again, and talked to when it is free", () => {
  const moshi = new MoshiCall({ handshakeMs: 4000 }, { dialect: "duplex.v1" }, "taken");
  moshi.pass(3900);
  expect(moshi.models).toHaveLength(1);
  moshi.pass(200);
  const closed = moshi.call.events.filter((event) => event["status"] === "closed");
  expect(closed).toMatchObject([{ type: "relay.upstream", code: "upstream_busy" }]);
  // As after one dial of too many: four times as long as after any other failure, or a half less.
  moshi.pass(360);
  expect(moshi.models).toHaveLength(1);
  moshi.pass(740);
  expect(moshi.models).toHaveLength(2);
  moshi.server = "one";
  moshi.pass(100);
  moshi.script.push({ say: "Here I am." });
  moshi.pass(2400);
  expect(moshi.call.events.findLast(({ type }) => type === "relay.upstream")).toMatchObject({
    status: "ready",
  });
  expect(refusals(moshi)).toEqual([]);
});

test("[U286] a server that is never free fails the call no sooner than any other, and by that name", () => {
  const moshi = new MoshiCall({ handshakeMs: 1000 }, { dialect: "duplex.v1" }, "taken");
  moshi.pass(60_000);
  const closed = moshi.call.events.filter((event) => event["status"] === "closed");
  expect(closed.length).toBeGreaterThan(2);
  expect(new Set(closed.map((event) => event["code"]))).toEqual(new Set(["upstream_busy"]));
});

test("[U280] before a server's limit it is followed by another conversation, and nobody is told", () => {
  const moshi = new MoshiCall({ maxSessionMs: 20_000 }, {}, "many");
  moshi.script.push({ say: "One." }, { say: "Two." });
  moshi.speak(TURN);
  moshi.pass(20_000);
  expect(moshi.models).toHaveLength(2);
  moshi.speak(TURN);
  moshi.pass(3000);
  expect(moshi.answers()).toEqual(["completed: One.", "completed: Two."]);
  expect([moshi.codes(), refusals(moshi)]).toEqual([[], []]);
});

test("[U289] a connection that breaks off in mid-sentence, and an object that dies: a new conversation is begun, and the call goes on", () => {
  const moshi = new MoshiCall();
  moshi.script.push(
    { say: "This breaks off in its very middle, of which nobody knows where it is.", breakAfter: 8 },
    { say: "Again." },
  );
  moshi.speak(TURN);
  moshi.pass(3000);
  expect(moshi.models).toHaveLength(2);
  expect(moshi.answers()).toHaveLength(1);
  expect(moshi.answers()[0]).toMatch(/This breaks off(?!.*nobody)/);
  moshi.speak(TURN);
  moshi.pass(400);
  const kept = moshi.call.session.snapshot();
  moshi.call.crash(kept);
  moshi.call.connect("realtime");
  moshi.pass(3000);
  moshi.script.push({ say: "Still here." });
  moshi.speak(TURN);
  moshi.pass(3000);
  expect(moshi.answers().at(-1)).toBe("completed: Still here.");
  expect(refusals(moshi)).toEqual([]);
});
