import { describe, expect, test } from "vitest";
import { silenced } from "../../src/session/silenced.ts";
import type { SessionSnapshot } from "../../src/session/session.ts";
import { Call, type CallOptions } from "../support/call.ts";
import { GOLDEN_CALLS, play } from "../support/golden.ts";
import { silence, voice } from "../support/signal.ts";

const MANUAL = { audio: { input: { turn_detection: null } } };
const base64 = (samples: Int16Array): string => new Uint8Array(samples.buffer).toBase64();

/** Where something of the sound is: views that are not zeros, and what came from JSON as base64. */
function sounds(node: unknown, at = ""): string[] {
  if (ArrayBuffer.isView(node)) {
    const bytes = new Uint8Array(node.buffer, node.byteOffset, node.byteLength);
    return bytes.some((byte) => byte !== 0) ? [at] : [];
  }
  if (typeof node === "string") return /[A-Za-z0-9+/]{400}/.test(node) ? [at] : [];
  if (typeof node !== "object" || node === null) return [];
  return Object.entries(node).flatMap(([name, each]) => sounds(each, `${at}.${name}`));
}

/** An item of the client's with sound in it, shown again; another one that waits for a connection that is not there. */
function givenAudio(): Call {
  const call = new Call({ dialect: "duplex.v1", session: MANUAL });
  const content = [{ type: "input_audio", audio: base64(voice(300)) }];
  const item = { type: "message", role: "user", id: "given", content };
  call.client({ type: "conversation.item.create", item });
  call.client({ type: "conversation.item.retrieve", item_id: "given" });
  call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
  call.advance(250);
  call.client({ type: "conversation.item.create", item: { ...item, id: "given2" } });
  call.client({
    type: "response.create",
    response: { conversation: "none", input: [{ ...item, id: "given3" }] },
  });
  call.append(voice(500));
  return call;
}

/** An answer that is said and not heard yet. */
function answering(options: CallOptions = {}): Call {
  const call = new Call({ dialect: "duplex.v1", session: MANUAL, ...options });
  call.speak(voice(200));
  call.client({ type: "input_audio_buffer.commit" });
  call.client({ type: "response.create" });
  call.beginAnswer();
  call.upstream({ type: "transcript", response: "r", item: "i", delta: "A long story." });
  call.upstream({ type: "audio", response: "r", item: "i", audio: base64(voice(3000)) });
  call.finishAnswer();
  call.advance(500);
  return call;
}

function fresh(call: Call, kept: SessionSnapshot): void {
  call.crash(kept);
  call.clearEvents();
}

/** The client has everything that the snapshot says was sent. */
function resume(call: Call, { delivery, port }: SessionSnapshot): void {
  call.connect("duplex.v1");
  const [token = ""] = delivery.tokens;
  call.client({ type: "session.resume", resume_token: token, last_received: port.sequence });
}

describe("a snapshot without sound", () => {
  test.each(GOLDEN_CALLS)("[O62] of the state $name has no sample, and its call goes on", (golden) => {
    const snapshot = silenced(play(golden));
    expect(sounds(snapshot)).toEqual([]);
    const call = new Call({ ...golden.options, connect: false });
    call.now = snapshot.context.now + 1000;
    if (snapshot.port.connected) call.open.add("client");
    call.open.add("up0.1");
    call.crash(snapshot);
    call.advance(5000);
    call.connect("realtime");
    expect(call.last("session.created")).toBeDefined();
    expect(call.session.snapshot().conversation.entries).toHaveLength(snapshot.conversation.entries.length);
    call.advance(10_000);
  });

  test("[O62] has none of items that came with sound, kept, shown or waiting for a connection", () => {
    const snapshot = givenAudio().session.snapshot();
    expect(sounds(snapshot).length).toBeGreaterThan(3);
    expect(sounds(silenced(snapshot))).toEqual([]);
  });

  test("[O62] has none of an answer that waits for its listener, which ends incomplete after its words", () => {
    const call = answering();
    const snapshot = call.session.snapshot();
    expect(sounds(snapshot).length).toBeGreaterThan(3);
    expect(sounds(silenced(snapshot))).toEqual([]);
    fresh(call, silenced(snapshot));
    resume(call, snapshot);
    expect(call.last("session.resumed")).toMatchObject({ verdict: "resumed" });
    call.advance(5000);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "incomplete" });
    expect(call.frames).toEqual([]);
  });

  test("[O62] keeps what it says of time: positions go on where they were", () => {
    const call = new Call({ dialect: "duplex.v1" });
    call.speak(voice(400));
    const kept = call.session.snapshot();
    fresh(call, silenced(kept));
    call.connect("realtime");
    call.accept("up0.2");
    call.speak(silence(1500));
    expect(call.session.state().audio.received_ms).toBe(1900);
    expect(call.types()).toContain("input_audio_buffer.committed");
  });

  test("[O62] the caller's words that only sound had are told to be lost when a new connection needs them", () => {
    const call = new Call({ dialect: "duplex.v1", session: MANUAL });
    call.speak(voice(600));
    call.client({ type: "input_audio_buffer.commit" });
    const item = call.last("conversation.item.added")["item"] as { readonly id: string };
    call.client({ type: "response.create" });
    const kept = call.session.snapshot();
    fresh(call, silenced(kept));
    resume(call, kept);
    call.accept("up0.2");
    call.advance(100);
    const lost = call.events.filter((event) => JSON.stringify(event).includes('"audio_lost"'));
    expect(lost).toHaveLength(1);
    expect(JSON.stringify(lost)).toContain(item.id);
  });
});
