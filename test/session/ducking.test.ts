/** Agents that go on quieter while a sound over them is judged. */
import { describe, expect, test } from "vitest";

import { createDecoder, encode } from "../../src/audio/codec.ts";
import type { AudioFormat } from "../../src/audio/format.ts";
import { EchoGuard } from "../../src/session/floor/echo-guard.ts";
import type { JsonObject } from "../../src/upstreams/upstream.ts";
import { Call, WIRE, type CallOptions } from "../support/call.ts";
import { Listener } from "../support/listener.ts";
import { concat, silence, voice } from "../support/signal.ts";

const TURN = concat(silence(600), voice(1200), silence(900));
const STORY = voice(8000, 24_000, 11);
const COUGH = concat(voice(300), silence(8000));
/** A plain client that has its audio paced, and the same patience as any other. */
const PACED: JsonObject = { lead_ms: 100, interruption: { confirm_ms: 680 } };
const PCM: AudioFormat = { type: "audio/pcm", rate: 24_000 };
/** How a client of `duplex.v1` says that its player ducks. */
const DUCKS: JsonObject = { relay: { player: { duck: true } } };

/** The agent is one second into an eight-second answer. */
function telling(options: CallOptions, first?: JsonObject): Call {
  const call = new Call(options);
  if (first) call.client({ type: "session.update", session: first });
  call.speak(TURN);
  call.answer(STORY, "A long story with many words in it.");
  call.speak(silence(1000));
  return call;
}

const paced = (format: AudioFormat = PCM, relay: JsonObject = PACED) =>
  telling({ session: { relay, audio: { output: { format } } } });
const ducking = (more: JsonObject = {}) =>
  telling({ dialect: "duplex.v1" }, { relay: { player: { duck: true }, ...more } });

/** By which the client comes back. */
const tokenOf = (call: Call) =>
  (call.last("session.updated")["session"] as { relay: { resume_token: string } }).relay.resume_token;

const decisions = (call: Call) =>
  call.events.filter(({ type }) => type === "overlap.decision").map((event) => event["decision"]);

/** Audio in the order in which it came, with when. */
interface Piece {
  readonly at: number;
  readonly samples: Int16Array;
}

function listen(call: Call, sound: Int16Array, format: AudioFormat = PCM): readonly Piece[] {
  const pieces: Piece[] = [];
  let [events, frames] = [0, 0];
  const decoder = createDecoder(format);
  const take = (): void => {
    const plain = call.events.slice(events).filter(({ type }) => type === "response.output_audio.delta");
    const bytes = [
      ...plain.map((event) => Uint8Array.fromBase64(String(event["delta"]))),
      ...call.frames.slice(frames).map(({ payload }) => payload),
    ];
    events = call.events.length;
    frames = call.frames.length;
    for (const each of bytes) pieces.push({ at: call.now, samples: decoder.decode(each).slice() });
  };
  take();
  for (let at = 0; at < sound.length; at += 480) {
    call.append(sound.subarray(at, at + 480));
    call.advance(20);
    take();
  }
  return pieces;
}

const samplesOf = (pieces: readonly Piece[]) => concat(...pieces.map(({ samples }) => samples));

/** The level at which a sound was sent, by the sample: half a cosine down, and one up. */
function legal(sound: Int16Array, downAt: number, upAt: number, rateHz: number, db = 15): Int16Array {
  const low = 10 ** (-db / 20);
  const ramp = (from: number, to: number, share: number) =>
    share >= 1 ? to : to + (from - to) * (0.5 + 0.5 * Math.cos(Math.PI * share));
  return sound.map((value, n) => {
    if (n < downAt) return value;
    const down = ramp(1, low, (n - downAt + 1) / (0.02 * rateHz));
    const level = n < upAt ? down : ramp(low, 1, (n - upAt + 1) / (0.06 * rateHz));
    return Math.round(value * level);
  });
}

describe("a client whose player ducks", () => {
  test("[F60] is told to, by how much, and sent what it would have been sent, at full level and in time", () => {
    const call = ducking();
    const told = listen(call, COUGH);
    expect(call.events.filter(({ type }) => type === "overlap.decision")).toMatchObject([
      { decision: "duck", duck_db: 15 },
      { decision: "backchannel" },
    ]);
    expectInTime(told, 24_000);
    expect(new Uint8Array(samplesOf(told).buffer)).toEqual(new Uint8Array(STORY.buffer));
  });

  test("[F63] an interruption is cut where the listener is when it is known to be one, and flushed at once", () => {
    const held = telling({ dialect: "duplex.v1" });
    const call = ducking();
    const words = concat(voice(1200), silence(900));
    for (const each of [held, call]) each.speak(words);
    expect(decisions(call)).toEqual(["duck", "interrupt"]);
    const types = call.types();
    expect(types.indexOf("output_audio_buffer.cleared")).toBe(types.lastIndexOf("overlap.decision") - 1);
    const endMs = (of: Call) => Number(of.last("conversation.item.truncated")["audio_end_ms"]);
    // It was judged for so long, and listened to.
    expect(endMs(call) - endMs(held)).toBeGreaterThanOrEqual(640);
    expect(endMs(call) - endMs(held)).toBeLessThan(1000);
    const sentMs = call.frames.reduce((sum, { payload }) => sum + payload.length, 0) / 48;
    expect(sentMs - endMs(call)).toBeLessThanOrEqual(400);
  });

  test("[F65] it stands still where the session asks for that", () => {
    const call = ducking({ interruption: { over_agent: "hold" } });
    call.speak(COUGH);
    expect(decisions(call)).toEqual(["hold", "backchannel"]);
  });

  test("[F66] what it says of its player is its own, and no lock's: it is shown, and kept while it resumes", () => {
    const call = new Call({ dialect: "duplex.v1", locks: { fields: ["relay"], toolTypes: null } });
    const shown = () => (call.last("session.updated")["session"] as { relay: JsonObject }).relay;
    call.client({ type: "session.update", session: DUCKS });
    expect(call.types()).not.toContain("error");
    expect(shown()).toMatchObject({ player: { duck: true }, interruption: { over_agent: "duck" } });
    call.hibernate();
    const resume_token = tokenOf(call);
    call.open.delete("client");
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    call.connect("duplex.v1");
    call.client({ type: "session.resume", resume_token, last_received: 2 });
    call.client({ type: "session.update", session: {} });
    expect(shown()).toMatchObject({ player: { duck: true } });
    call.connect("duplex.v1");
    call.client({ type: "session.update", session: {} });
    expect(shown()).toMatchObject({ player: { duck: false }, interruption: { over_agent: "hold" } });
  });

  test.each([[{ duck: 1 }], ["duck"]])("[F66] %j is no word of a player", (player) => {
    const call = new Call({ dialect: "duplex.v1" });
    call.client({ type: "session.update", session: { relay: { player } } });
    expect(call.last("error")["error"]).toMatchObject({ code: "invalid_value" });
  });

  test("[F68] after the object's death it is told again, and the call goes on", () => {
    const call = ducking();
    call.speak(voice(200));
    const snapshot = call.session.snapshot();
    const resume_token = tokenOf(call);
    const last = Math.max(...call.events.map((event) => Number(event["server_event_seq"] ?? 0)));
    call.crash(snapshot);
    call.connect("duplex.v1");
    call.clearEvents();
    const received = Math.max(last, ...call.frames.map(({ header }) => header.sequence));
    call.client({ type: "session.resume", resume_token, last_received: received });
    expect(decisions(call)).toEqual(["duck"]);
    call.advance(3000);
    expect(decisions(call)).toEqual(["duck", "noise"]);
  });

  test.each([80, 300])(
    "[F69] the echo of one that ducks, %i ms late, never cuts it; its caller does",
    (lateMs) => {
      const call = new Call({ dialect: "duplex.v1" });
      call.client({ type: "session.update", session: DUCKS });
      call.speak(TURN);
      call.answer(STORY);
      const listener = new Listener(call, { echoGain: 1 / 4, echoLateMs: lateMs });
      listener.speak(silence(3000));
      call.clearEvents();
      listener.speak(concat(voice(300), silence(1200)));
      expect(decisions(call).at(0)).toBe("duck");
      expect(decisions(call)).not.toContain("interrupt");
      call.clearEvents();
      listener.speak(concat(voice(1500, 24_000, 31), silence(900)));
      expect(decisions(call)).toContain("interrupt");
    },
  );

  test("[F69] whoever is no louder than the echo was is heard over what is left of it", () => {
    /** The share of 600 ms, three seconds into an agent, in which something is louder than the echo that is due. */
    const heardIn = (ducks: boolean, own: Int16Array): number => {
      const guard = new EchoGuard(null);
      let louder = 0;
      for (let at = 0, ms = 0; ms < 3600; at += 480, ms += 20) {
        const over = ms >= 3000;
        if (ms === 3000 && ducks) guard.ducked(ms, 15);
        guard.played(0, STORY.subarray(at, at + 480), 24_000, ms, ms);
        const gain = over && ms >= 3100 ? 10 ** (-15 / 20) / 4 : 1 / 4;
        const late = at - 2400;
        const frame = silence(20, 24_000, ms).map(
          (value, n) =>
            value +
            (late < 0 ? 0 : (STORY[late + n] ?? 0) * gain) +
            (over ? (own[(at % 14_400) + n] ?? 0) : 0),
        );
        guard.heard(frame, 24_000, ms, ms + 20, ms + 20);
        guard.advance(ms + 20);
        if (over && ms >= 3200 && !guard.covers) louder += 1;
      }
      expect(guard.known).toBe(true);
      return louder / 20;
    };
    const soft = voice(600, 24_000, 31).map((value) => value / 7);
    expect(heardIn(true, soft)).toBeGreaterThan(heardIn(false, soft) + 0.3);
    expect(heardIn(true, new Int16Array(14_400))).toBe(0);
  });
});

/** Where a sound begins to be quieter, and to be louder again: by the only two ramps that make it what was heard. */
function rampsOf(full: Int16Array, heard: Int16Array, rateHz: number): readonly [number, number] {
  const first = full.findIndex((value, n) => value !== heard[n]);
  const last = full.findLastIndex((value, n) => value !== heard[n]);
  const same = (down: number, up: number, from: number, to: number) =>
    legal(full.subarray(down, to), 0, up - down, rateHz)
      .subarray(from - down)
      .every((value, n) => value === heard[from + n]);
  const ms = rateHz / 1000;
  const near = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);
  const down = near(first - 5 * ms, first + 1).find((at) => same(at, full.length, at, first + 40 * ms));
  const up = near(last - 62 * ms, last - 30 * ms).find((at) => same(down ?? 0, at, first, last + 10 * ms));
  expect([down, up]).not.toContain(undefined);
  return [down ?? 0, up ?? 0];
}

/** The listener, who has been listening for a second, never waits for a sample. */
function expectInTime(pieces: readonly Piece[], rateHz: number): void {
  const [first] = pieces;
  let sent = 0;
  for (const { at, samples } of pieces) {
    if (at > (first?.at ?? 0)) expect(sent / rateHz).toBeGreaterThan((at - (first?.at ?? 0)) / 1000 + 1);
    sent += samples.length;
  }
  expect(sent).toBe(8 * rateHz);
}

const RATES = [24_000, 16_000, 8000] as const;

describe("a client that cannot, and whose audio the relay paces", () => {
  test.each(RATES)(
    "[F61] hears it 15 dB quieter, by ramps that are exact to the sample, at %i Hz",
    (rate) => {
      const format: AudioFormat = { type: "audio/pcm", rate };
      const quiet = listen(paced(format), silence(8300));
      const call = paced(format);
      const judged = listen(call, COUGH);
      expectInTime(judged, rate);
      const [full, heard] = [samplesOf(quiet), samplesOf(judged)];
      expect(heard.length).toBe(full.length);
      const [down, up] = rampsOf(full, heard, rate);
      // 300 ms of sound, and half a second after it.
      expect((up - down) / rate).toBeGreaterThan(0.7);
      expect((up - down) / rate).toBeLessThan(0.95);
      const past = legal(full, down, up, rate);
      expect(new Uint8Array(heard.buffer)).toEqual(new Uint8Array(past.buffer));
      expect(call.types()).not.toContain("overlap.decision");
    },
  );

  test.each(["audio/pcmu", "audio/pcma"] as const)("[F61] and in %s, which is coded once", (type) => {
    const linear: AudioFormat = { type: "audio/pcm", rate: 8000 };
    const full = samplesOf(listen(paced(linear), silence(8300)));
    const past = samplesOf(listen(paced(linear), COUGH));
    expect(past).not.toEqual(full);
    const heard = samplesOf(listen(paced({ type }), COUGH, { type }));
    const decoder = createDecoder({ type });
    expect(new Uint8Array(heard.buffer)).toEqual(
      new Uint8Array(decoder.decode(encode({ type }, past)).slice().buffer),
    );
  });

  test("[F61] a sound that follows in the middle of a ramp turns it where it is", () => {
    const call = paced();
    const quiet = samplesOf(listen(paced(), silence(8600)));
    // The second sound begins while the agent gets louder again.
    const heard = samplesOf(listen(call, concat(voice(200), silence(300), voice(200), silence(7900))));
    const levels = Array.from(heard, (value, n) => {
      const full = quiet[n] ?? 0;
      return Math.abs(full) < 2000 ? Number.NaN : value / full;
    });
    const known = levels.filter((level) => !Number.isNaN(level));
    expect(Math.min(...known)).toBeCloseTo(10 ** (-15 / 20), 3);
    expect(Math.max(...known)).toBeCloseTo(1, 3);
    // The steepest of the ramp down, and what rounding may add.
    const steepest = ((Math.PI / 2) * (1 - 10 ** (-15 / 20))) / (0.02 * 24_000) + 1 / 2000;
    const steps = levels.slice(1).map((level, n) => Math.abs(level - (levels[n] ?? 0)));
    expect(Math.max(...steps.filter((step) => !Number.isNaN(step)))).toBeLessThan(steepest);
  });

  test("[F63] an interruption cuts it as ever, and the next answer begins at full level", () => {
    const call = paced();
    const judged = samplesOf(listen(call, concat(voice(1500), silence(900))));
    expect(call.types().filter((type) => type === "input_audio_buffer.speech_started")).toHaveLength(2);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "cancelled" });
    expect(judged.length).toBeLessThan(4 * 24_000);
    call.answer(STORY);
    const next = samplesOf(listen(call, silence(400)).slice(0));
    const begin = STORY.slice(0, 24_000);
    const played = concat(next).subarray(judged.length);
    expect(new Uint8Array(played.slice(0, 4000).buffer)).toEqual(new Uint8Array(begin.slice(0, 4000).buffer));
  });

  test("[F63] so it does where another agent sounds out of the same player", () => {
    const two = ["one", "two"].map((name) => ({ ...WIRE, name }));
    const call = telling({ session: { relay: PACED }, upstreams: two });
    listen(call, concat(voice(1500), silence(900)));
    call.answer(voice(8000, 24_000, 12), "Another one.", "up1.1");
    call.speak(silence(100));
    call.clearEvents();
    call.answer(STORY);
    call.speak(silence(3000));
    const { response_id } = call.last("response.output_item.added");
    const deltas = call.events.filter(
      (event) => event.type === "response.output_audio.delta" && event["response_id"] === response_id,
    );
    const bytes = Buffer.concat(deltas.map((event) => Uint8Array.fromBase64(String(event["delta"]))));
    expect(bytes.length).toBeGreaterThan(4000);
    expect(new Uint8Array(bytes)).toEqual(new Uint8Array(STORY.buffer, 0, bytes.length));
  });

  test("[F62] [F64] dismissed, it is at full level again, whole and in time, and history has it as it was said", () => {
    const call = paced();
    const heard = samplesOf(listen(call, COUGH));
    const tail = heard.subarray(-3 * 24_000);
    const item = (call.last("response.output_item.done")["item"] as { id: string }).id;
    expect(new Uint8Array(tail.slice().buffer)).toEqual(new Uint8Array(STORY.slice(-3 * 24_000).buffer));
    call.client({ type: "conversation.item.retrieve", item_id: item });
    const { content } = call.last("conversation.item.retrieved")["item"] as { content: { audio: string }[] };
    expect(Uint8Array.fromBase64(content[0]?.audio ?? "")).toEqual(new Uint8Array(STORY.buffer));
    expect(call.types()).not.toContain("conversation.item.truncated");
  });

  test("[F65] without a lead nothing of it would be heard in time: what is not sent yet waits, as ever", () => {
    const call = telling({ session: { relay: { interruption: { confirm_ms: 680 } } } });
    expect(call.types()).toContain("response.done");
    const second = new Call({ session: { relay: { interruption: { confirm_ms: 680 } } } });
    second.speak(TURN);
    second.beginAnswer();
    const say = (ms: number, seed: number) =>
      second.upstream({
        type: "audio",
        response: "r",
        item: "i",
        audio: new Uint8Array(voice(ms, 24_000, seed).buffer).toBase64(),
      });
    say(3000, 11);
    second.speak(concat(silence(1000), voice(200)));
    second.clearEvents();
    say(500, 12);
    expect(second.types()).not.toContain("response.output_audio.delta");
    second.speak(silence(400));
    expect(second.types()).toContain("response.output_audio.delta");
  });

  test.each([12, 18])("[F65] a session may ask for %i dB", (db) => {
    const relay = { ...PACED, interruption: { confirm_ms: 680, duck_db: db } };
    const full = samplesOf(listen(paced(PCM, relay), silence(1000)));
    const heard = samplesOf(listen(paced(PCM, relay), concat(voice(300), silence(700))));
    const ratio = [...heard].map((value, n) => (Math.abs(full[n] ?? 0) < 3000 ? 1 : value / (full[n] ?? 1)));
    expect(-20 * Math.log10(Math.min(...ratio))).toBeCloseTo(db, 1);
  });

  test.each([
    ["duck_db", 11],
    ["duck_db", 19],
    ["over_agent", "stop"],
  ])("[F65] %s %j is refused by name", (name, value) => {
    const call = new Call();
    call.client({ type: "session.update", session: { relay: { interruption: { [name]: value } } } });
    expect(call.last("error")["error"]).toMatchObject({ param: `session.relay.interruption.${name}` });
  });

  test("[F65] a duplex.v1 client that says nothing of its player stands still, unless it asks for quieter audio", () => {
    const call = telling({ dialect: "duplex.v1" });
    call.speak(COUGH);
    expect(decisions(call)).toEqual(["hold", "backchannel"]);
    const asks = telling({ dialect: "duplex.v1" }, { relay: { interruption: { over_agent: "duck" } } });
    const heard = samplesOf(listen(asks, COUGH));
    expect(decisions(asks)).toEqual(["backchannel"]);
    rampsOf(STORY.subarray(0, heard.length), heard, 24_000);
  });

  test("[F67] what is sent again after a lost connection is at full level", () => {
    const call = telling({ dialect: "duplex.v1" }, { relay: { interruption: { over_agent: "duck" } } });
    const resume_token = tokenOf(call);
    const known = Math.max(...call.frames.map(({ header }) => header.sequence));
    const before = call.frames.reduce((sum, { payload }) => sum + payload.length, 0);
    call.speak(concat(voice(300), silence(400)));
    const sent = call.frames.filter(({ header }) => header.sequence > known);
    const aloud = (frames: typeof sent) => Uint8Array.from(frames.flatMap(({ payload }) => [...payload]));
    const meant = new Uint8Array(STORY.buffer).subarray(before);
    expect(aloud(sent)).not.toEqual(meant.subarray(0, aloud(sent).length));
    call.open.delete("client");
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    call.connect("duplex.v1");
    call.clearEvents();
    call.client({ type: "session.resume", resume_token, last_received: known });
    const again = aloud(call.frames);
    expect(again.length).toBeGreaterThanOrEqual(aloud(sent).length);
    expect(again).toEqual(meant.subarray(0, again.length));
  });

  test("[F67] and what follows on it gets quieter anew, where the sound is still judged", () => {
    const call = telling({ dialect: "duplex.v1" }, { relay: { interruption: { over_agent: "duck" } } });
    const resume_token = tokenOf(call);
    call.speak(voice(300));
    const known = Math.max(...call.frames.map(({ header }) => header.sequence));
    const before = call.frames.reduce((sum, { payload }) => sum + payload.length, 0) / 2;
    call.open.delete("client");
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    call.advance(200);
    call.connect("duplex.v1");
    call.clearEvents();
    call.client({ type: "session.resume", resume_token, last_received: known });
    call.advance(300);
    const rest = Uint8Array.from(call.frames.flatMap(({ payload }) => [...payload]));
    const heard = new Int16Array(rest.buffer);
    expect(heard.length).toBeGreaterThan(2000);
    const meant = legal(STORY.subarray(before, before + heard.length), 0, Infinity, 24_000);
    expect(rest).toEqual(new Uint8Array(meant.buffer));
  });

  test("[F68] an object that is put to sleep in the middle of a ramp goes on at its level", () => {
    const calls = [paced(), paced()] as const;
    for (let at = 0; at < COUGH.length / 8; at += 480) {
      const frame = COUGH.subarray(at, at + 480);
      for (const call of calls) call.append(frame);
      for (const call of calls) call.advance(20);
      calls[1].hibernate();
    }
    const deltas = (call: Call) =>
      call.events.filter(({ type }) => type === "response.output_audio.delta").map((event) => event["delta"]);
    expect(deltas(calls[1])).toEqual(deltas(calls[0]));
  });
});
