/** Sentences in the relay's own voice: what is asked for, what is heard of it, and what nobody waits for. */
import { describe, expect, test } from "vitest";

import { KeptSpeech } from "../../src/session/aside/kept-speech.ts";
import type { FillerPlan, Sentence, Sound } from "../../src/session/state/sounds.ts";
import { begin, finish, say } from "../support/answering.ts";
import type { Call } from "../support/call.ts";
import { answering as guardedAnswer, PATTERNS, sound, words, wordsFirst } from "../support/guard.ts";
import {
  askedTexts,
  became,
  observed,
  own,
  requests,
  samples,
  saying,
  sentMs,
  SPEECH,
  SPEECH_KEY,
  Voicing,
  wordsOf,
} from "../support/sentences.ts";
import { concat, silence, voice } from "../support/signal.ts";

const DING = { rateHz: 16_000, samples: voice(200, 16_000) };
const MOMENT = { text: "One moment, please.", fixed: true } as const;
const SOUNDS = new Map<string, Sound | Sentence>([
  ["ding", DING],
  ["moment", MOMENT],
]);
const FILLERS: FillerPlan = { afterMs: 800, everyMs: 2000, most: 3, whileTool: true, sounds: [MOMENT] };

/** An answer is being said: so many milliseconds of it came. */
function answering(call: Call, length: number): void {
  call.client({ type: "response.create" });
  begin(call);
  call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
  say(call, length);
}

describe("a sentence as an announcement", () => {
  test("[X400] its words are spoken, said at the gap, and shown; no history and no model knows of it", () => {
    const { call, observer } = observed();
    const before = call.commands().length;
    observer.say(saying("We close in five minutes."));
    expect(askedTexts(call)).toEqual(["We close in five minutes."]);
    expect(requests(call)[0]?.request.headers["Authorization"]).toBe(`Bearer ${SPEECH_KEY}`);
    const voicing = new Voicing(call).begins().brings(samples(300));
    expect(became(observer)).toEqual(["queued"]);
    voicing.brings(samples(200)).ends();
    expect(became(observer)).toEqual(["queued", "started"]);
    call.advance(2000);
    expect(observer.last("relay.say.completed")).toMatchObject({ say_id: "a", played_ms: 500 });
    const [announced] = own(call);
    expect([sentMs(call, announced), wordsOf(call, announced)]).toEqual([500, "We close in five minutes."]);
    expect(call.commands()).toHaveLength(before);
    expect(call.session.snapshot().conversation.entries).toEqual([]);
    expect(JSON.stringify(call.events)).not.toContain(SPEECH_KEY);
  });

  test("[X400] one that interrupts cuts the answer when it is spoken, and not before", () => {
    const { call, observer } = observed();
    answering(call, 5000);
    call.advance(300);
    observer.say(saying("Fire!", { interrupt: true }));
    call.advance(400);
    expect(own(call, "announcement")).toEqual([]);
    expect(call.types()).not.toContain("output_audio_buffer.cleared");
    new Voicing(call).says();
    expect(own(call)).toHaveLength(1);
    expect(call.types()).toContain("output_audio_buffer.cleared");
  });

  test("[X400] what is no sentence is refused with its field, and so is one where nobody can say it", () => {
    const { call, observer } = observed({ sounds: SOUNDS });
    for (const [more, param] of [
      [{ text: "" }, "text"],
      [{ text: "…!?" }, "text"],
      [{ text: 7 }, "text"],
      [{ text: "x".repeat(501) }, "text"],
      [{ text: "Hello.", audio: "AAAA" }, "audio"],
      [{ text: "Hello.", sound: "dong" }, "sound"],
      [{ text: "Hello.", sound: "moment" }, "sound"],
      [{ text: null }, "audio"],
    ] as const) {
      observer.say(saying("", more));
      expect(observer.last("error")["error"], JSON.stringify(more)).toMatchObject({
        code: "invalid_value",
        param,
      });
    }
    const mute = observed({ speech: undefined, sounds: SOUNDS });
    for (const [more, param] of [
      [{}, "text"],
      [{ text: null, sound: "moment" }, "sound"],
    ] as const) {
      mute.observer.say(saying("Hello.", more));
      expect(mute.observer.last("error")["error"]).toMatchObject({ code: "unsupported", param });
    }
    expect([...requests(call), ...requests(mute.call)]).toEqual([]);
    // Half a character is none.
    observer.say(saying("Good\ud83d day."));
    expect(askedTexts(call)).toEqual(["Good\ufffd day."]);
  });

  test("[X401] a client of `duplex.v1` has something said where the route lets it", () => {
    const { call } = observed({ speech: { ...SPEECH, clients: true }, sounds: SOUNDS });
    call.client(saying("Hello."));
    new Voicing(call).says();
    expect(became(call)).toEqual(["queued", "started"]);
    call.client({ type: "relay.say", say_id: "b", sound: "ding" });
    call.advance(3000);
    expect(became(call).slice(-2)).toEqual(["started", "completed"]);
    call.client({ type: "relay.say", event_id: "e", audio: "AAAA" });
    expect(call.last("error")["error"]).toMatchObject({ param: "audio", event_id: "e" });
    const other = observed();
    other.call.client(saying("Hello."));
    expect(other.call.last("error")["error"]).toMatchObject({ code: "invalid_value", param: "type" });
    expect(requests(other.call)).toEqual([]);
  });

  test("[X407] a sentence counts as an answer of the minute; one of the configuration does not", () => {
    const { call, observer } = observed({ limits: { answersPerMinute: 2 }, sounds: SOUNDS });
    for (const id of ["a", "b", "c"]) observer.say(saying(`Number ${id}.`, { say_id: id }));
    expect(observer.last("error")["error"]).toMatchObject({ code: "rate_limit_exceeded" });
    expect(became(observer)).toEqual(["queued", "queued"]);
    observer.say({ type: "relay.say", say_id: "d", sound: "moment" });
    expect(became(observer)).toEqual(["queued", "queued", "queued"]);
    expect(call.types()).not.toContain("error");
  });
});

describe("sentences of the configuration", () => {
  test("[X402] one fills a silence as a sound does", () => {
    const { call } = observed({ fillers: FILLERS });
    call.client({ type: "response.create" });
    expect(askedTexts(call)).toEqual([MOMENT.text]);
    new Voicing(call).says(400);
    call.advance(790);
    expect(own(call, "filler")).toEqual([]);
    call.advance(600);
    const [filler] = own(call, "filler");
    expect([sentMs(call, filler), wordsOf(call, filler)]).toEqual([400, MOMENT.text]);
  });

  test("[X402] one that is not there at its moment gives its turn to the next that is, and that is told", () => {
    const { call } = observed({ fillers: { ...FILLERS, sounds: [MOMENT, DING] } });
    call.client({ type: "response.create" });
    call.advance(1100);
    expect(own(call, "filler").map((one) => sentMs(call, one))).toEqual([200]);
    expect(became(call)).toEqual(["dropped late"]);
    new Voicing(call).says(400);
    call.advance(2500);
    expect(
      own(call, "filler")
        .map((one) => sentMs(call, one))
        .slice(1),
    ).toEqual([400]);
  });

  test("[X402] with nothing else to be heard it comes when it is there, or not at all", () => {
    const late = observed({ fillers: FILLERS });
    late.call.client({ type: "response.create" });
    late.call.advance(1500);
    expect(own(late.call, "filler")).toEqual([]);
    new Voicing(late.call).says(400);
    expect(own(late.call, "filler")).toHaveLength(1);
    const never = observed({ fillers: FILLERS });
    never.call.client({ type: "response.create" });
    never.call.advance(1500);
    begin(never.call);
    never.call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
    say(never.call, 500);
    expect(became(never.call)).toEqual(["dropped late"]);
    new Voicing(never.call).says(400);
    finish(never.call);
    never.call.advance(3000);
    expect(own(never.call, "filler")).toEqual([]);
  });

  test("[X402] one that cannot be spoken is left alone for ten seconds, and silence is silence", () => {
    const { call } = observed({ fillers: FILLERS });
    call.client({ type: "response.create" });
    new Voicing(call).begins(401).ends();
    call.advance(9000);
    expect(requests(call)).toHaveLength(1);
    expect(own(call, "filler")).toEqual([]);
    call.append(silence(20));
    call.advance(1500);
    call.append(silence(20));
    expect(requests(call)).toHaveLength(2);
  });

  test("[X403] it is spoken once for all sessions of an isolate: the second use asks nobody", () => {
    const speechStore = new KeptSpeech(100_000);
    const first = observed({ sounds: SOUNDS, speechStore });
    const second = observed({ sounds: SOUNDS, speechStore });
    const other = observed({
      sounds: SOUNDS,
      speechStore,
      speech: { ...SPEECH, options: { ...SPEECH.options, model: "other" } },
    });
    first.observer.say({ type: "relay.say", sound: "moment" });
    new Voicing(first.call).says(300);
    for (const { observer } of [first, second]) {
      observer.say({ type: "relay.say", sound: "moment" });
      expect(became(observer).slice(0, 2)).toEqual(["queued", expect.stringMatching(/started|queued/)]);
    }
    for (const { call } of [first, second]) call.advance(3000);
    expect(own(first.call).map((one) => sentMs(first.call, one))).toEqual([300, 300]);
    expect(own(second.call).map((one) => sentMs(second.call, one))).toEqual([300]);
    expect([requests(first.call).length, requests(second.call).length]).toEqual([1, 0]);
    // Another voice says it otherwise.
    other.observer.say({ type: "relay.say", sound: "moment" });
    expect(requests(other.call)).toHaveLength(1);
  });

  test("[X403] what an application or a client has said is kept for nobody", () => {
    const speechStore = new KeptSpeech(100_000);
    const { call, observer } = observed({ speechStore });
    for (const [n, id] of ["a", "b"].entries()) {
      observer.say(saying("Your code is 1234.", { say_id: id }));
      new Voicing(call, n).says(100);
      call.advance(1000);
    }
    expect(requests(call)).toHaveLength(2);
  });

  test("[X403] the store keeps its bound: the one that was not used for longest goes", () => {
    const store = new KeptSpeech(1000);
    const of = (length: number) => ({ rateHz: 24_000, samples: new Int16Array(length) });
    store.put("a", of(200));
    store.put("b", of(200));
    store.get("a");
    store.put("c", of(200));
    expect(["a", "b", "c"].map((key) => store.get(key) !== undefined)).toEqual([true, false, true]);
    store.put("d", of(501));
    expect(["a", "c", "d"].map((key) => store.get(key) !== undefined)).toEqual([true, true, false]);
    store.put("a", of(500));
    expect(["a", "c"].map((key) => store.get(key) !== undefined)).toEqual([true, false]);
  });
});

describe("what is said in place of a refused answer", () => {
  const REPLACEMENT = "Let us talk of something else.";
  function refused(more: Parameters<typeof observed>[0] = {}) {
    const output = { moderators: [PATTERNS], fail: "closed", holdMs: 500, replacement: REPLACEMENT } as const;
    const made = observed({ upstreams: [wordsFirst()], guard: { output }, ...more });
    guardedAnswer(made.call);
    words(made.call, "The weather is fine today.");
    sound(made.call, 1000, 1000);
    made.call.advance(400);
    words(made.call, " You are a fool.");
    return made;
  }

  test("[X406] the replacement is spoken where the answer was cut, under the name of its item", () => {
    const { call, observer } = refused();
    const item = call.last("conversation.item.done")["item"] as { readonly id: string };
    expect(askedTexts(call)).toEqual([REPLACEMENT]);
    expect(observer.last("relay.say.queued")["say_id"]).toBe(item.id);
    new Voicing(call).says(700);
    call.advance(2000);
    expect(became(observer)).toEqual(["queued", "started", "completed"]);
    const [spoken] = own(call);
    expect([sentMs(call, spoken), wordsOf(call, spoken)]).toEqual([700, REPLACEMENT]);
  });

  test("[X406] the caller who speaks has overtaken it, and so have five seconds", () => {
    const spoken = refused();
    spoken.call.speak(concat(silence(200), voice(600)));
    new Voicing(spoken.call).says();
    spoken.call.speak(silence(900));
    spoken.call.answer(voice(200));
    spoken.call.advance(2000);
    expect(became(spoken.observer)).toEqual(["queued", "dropped overtaken"]);
    const late = refused();
    late.call.advance(5100);
    expect(became(late.observer)).toEqual(["queued", "dropped expired"]);
    expect(own(late.call)).toEqual([]);
  });

  test("[X406] a plain client, and one that reads, are told the words alone", () => {
    expect(requests(refused({ dialect: "realtime" }).call)).toEqual([]);
    expect(requests(refused({ speech: undefined }).call)).toEqual([]);
  });
});
