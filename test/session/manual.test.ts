import { describe, expect, test } from "vitest";

import { Call } from "../support/call.ts";
import { silence, voice } from "../support/signal.ts";

/** What the upstream has in its buffer since it last cleared it. */
function sinceClear(call: Call): Uint8Array {
  const commands = call.commands();
  const last = commands.slice(commands.findLastIndex(({ type }) => type === "clear") + 1);
  const pieces = last.flatMap((one) => (one.type === "audio" ? [...Uint8Array.fromBase64(one.audio)] : []));
  return Uint8Array.from(pieces);
}

const MANUAL = { audio: { input: { turn_detection: null } } };

describe("turn_detection null", () => {
  test("[M1] every sample of the buffer reaches the upstream, at the client's commit", () => {
    const call = new Call({ session: MANUAL });
    const audio = voice(777);
    call.speak(audio, 333, 14);
    call.client({ type: "input_audio_buffer.commit" });
    expect(call.commandTypes()).toEqual(["greet", "audio", "commit"]);
    expect(call.heard()).toEqual(new Uint8Array(audio.buffer));
    expect(call.types().slice(-3)).toEqual([
      "input_audio_buffer.committed",
      "conversation.item.added",
      "conversation.item.done",
    ]);
  });

  test("[M2] nothing is answered until response.create", () => {
    const call = new Call({ session: MANUAL });
    call.speak(voice(300));
    call.client({ type: "input_audio_buffer.commit" });
    expect(call.types()).not.toContain("response.created");
    call.client({ type: "response.create" });
    expect(call.types()).toContain("response.created");
    expect(call.commandTypes().at(-1)).toBe("respond");
  });

  test("[M3] speech is not detected", () => {
    const call = new Call({ session: MANUAL });
    call.speak(voice(1000));
    expect(call.types()).toEqual(["session.created"]);
  });

  test("[M8] a commit that has the upstream dialled is of all that was said before it", () => {
    const call = new Call();
    for (let dial = 1; call.open.has(`up0.${dial}`); dial += 1) {
      call.open.delete(`up0.${dial}`);
      call.input({ type: "close", peer: `up0.${dial}`, code: 0, reason: "HTTP 503" });
      call.advance(10_000);
    }
    const audio = silence(400);
    call.speak(audio);
    call.client({ type: "input_audio_buffer.commit" });
    const [peer = ""] = [...call.open].filter((one) => one !== "client");
    call.accept(peer);
    expect(call.open.has("up0.1")).toBe(false);
    expect(call.commandTypes(peer)).toEqual(["greet", "audio", "commit"]);
    expect(call.heard(peer).length).toBe(audio.byteLength);
  });

  test("[M4] a commit of less than 100 ms is an error that says how much there was", () => {
    const call = new Call({ session: MANUAL });
    call.speak(voice(60));
    call.client({ type: "input_audio_buffer.commit", event_id: "mine" });
    expect(call.last("error")["error"]).toMatchObject({
      code: "input_audio_buffer_commit_empty",
      event_id: "mine",
      message: expect.stringContaining("60.00ms"),
    });
    expect(call.commandTypes()).not.toContain("commit");
  });

  test("[M5] clear forgets the buffer, here and at the upstream", () => {
    const call = new Call({ session: MANUAL });
    call.speak(voice(300));
    call.client({ type: "input_audio_buffer.clear" });
    expect(call.types().at(-1)).toBe("input_audio_buffer.cleared");
    expect(call.commandTypes().at(-1)).toBe("clear");
    call.client({ type: "input_audio_buffer.commit" });
    expect(call.last("error")["error"]).toMatchObject({ code: "input_audio_buffer_commit_empty" });
  });

  test("[M6] a client may commit under server_vad too: the buffer since the last commit is sent", () => {
    const call = new Call();
    const audio = silence(400);
    call.speak(audio);
    call.client({ type: "input_audio_buffer.commit" });
    expect(call.commandTypes()).toEqual(["greet", "audio", "commit"]);
    expect(call.heard()).toEqual(new Uint8Array(audio.buffer));
  });

  test("[M40] a commit in mid-speech takes what was before the speech too", () => {
    const call = new Call();
    const audio = Int16Array.from([...silence(1500), ...voice(900)]);
    call.speak(audio);
    expect(call.types()).toContain("input_audio_buffer.speech_started");
    const { item_id } = call.last("input_audio_buffer.speech_started");
    call.client({ type: "input_audio_buffer.commit" });
    expect(call.last("input_audio_buffer.committed")).toMatchObject({ item_id });
    const cleared = call.commandTypes().lastIndexOf("clear");
    expect(call.commandTypes().slice(cleared)).toEqual(["clear", "audio", "commit"]);
    expect(sinceClear(call)).toEqual(new Uint8Array(audio.buffer));
    call.client({ type: "conversation.item.retrieve", item_id: String(item_id) });
    const [part] = (call.last("conversation.item.retrieved")["item"] as never)["content"] as {
      audio: string;
    }[];
    expect(Uint8Array.fromBase64(part?.audio ?? "")).toEqual(new Uint8Array(audio.buffer));
  });

  test("[M40] a second commit takes what came after the first, and a detected turn only what belongs to it", () => {
    const call = new Call();
    call.speak(silence(400));
    call.client({ type: "input_audio_buffer.commit" });
    const audio = Int16Array.from([...silence(600), ...voice(700, undefined, 3)]);
    call.speak(audio);
    call.client({ type: "input_audio_buffer.commit" });
    expect(sinceClear(call)).toEqual(new Uint8Array(audio.buffer));
    const second = call.heard().byteLength;
    call.speak(Int16Array.from([...silence(2000), ...voice(900, undefined, 5), ...silence(1500)]));
    expect(call.types()).toContain("input_audio_buffer.speech_stopped");
    expect((call.heard().byteLength - second) / 48).toBeLessThan(2400);
  });

  test("[M41] what was cleared is in no later buffer, to the last sample", () => {
    const call = new Call({
      session: { audio: { input: { turn_detection: null, format: { type: "audio/pcmu" } } } },
    });
    const append = (bytes: Uint8Array) =>
      call.client({ type: "input_audio_buffer.append", audio: bytes.toBase64() });
    append(Uint8Array.from({ length: 1600 }, (_, at) => (at * 7) & 0xff));
    call.client({ type: "input_audio_buffer.clear" });
    const before = call.heard().byteLength;
    // µ-law of silence.
    append(new Uint8Array(1600).fill(0xff));
    call.client({ type: "input_audio_buffer.commit" });
    const heard = call.heard().subarray(before);
    expect(heard).toHaveLength(1600 * 3 * 2);
    expect(heard.every((byte) => byte === 0)).toBe(true);
  });

  test("[M41] nor is what was said before detection was switched off", () => {
    const call = new Call({ session: { audio: { input: { format: { type: "audio/pcmu" } } } } });
    const append = (bytes: Uint8Array) =>
      call.client({ type: "input_audio_buffer.append", audio: bytes.toBase64() });
    append(Uint8Array.from({ length: 320 }, (_, at) => 0xf0 + (at & 7)));
    call.client({
      type: "session.update",
      session: { type: "realtime", audio: { input: { turn_detection: null } } },
    });
    const before = call.heard().byteLength;
    append(new Uint8Array(1600).fill(0xff));
    call.client({ type: "input_audio_buffer.commit" });
    const heard = call.heard().subarray(before);
    expect(heard).toHaveLength(1600 * 3 * 2);
    expect(heard.every((byte) => byte === 0)).toBe(true);
  });

  test("[M7] G.711 input reaches a 24 kHz upstream at three samples for one", () => {
    const session = { audio: { input: { turn_detection: null, format: { type: "audio/pcmu" } } } };
    const call = new Call({ session });
    const bytes = Uint8Array.from({ length: 1600 }, (_, at) => (at * 7) & 0xff);
    call.client({ type: "input_audio_buffer.append", audio: bytes.toBase64() });
    call.client({ type: "input_audio_buffer.commit" });
    expect(call.heard().length).toBe(1600 * 3 * 2);
  });
});
