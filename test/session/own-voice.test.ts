/** The relay's own voice when it does not do as it should, what it costs, and when the object dies. */
import { describe, expect, test } from "vitest";

import type { Sentence, Sound } from "../../src/session/state/sounds.ts";
import { begin, finish, say } from "../support/answering.ts";
import { handsOn, MIND, notes, Thought } from "../support/background.ts";
import type { Call } from "../support/call.ts";
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
import { voice } from "../support/signal.ts";
import { Watcher } from "../support/watcher.ts";

const DING = { rateHz: 16_000, samples: voice(200, 16_000) };
const MOMENT = { text: "One moment, please.", fixed: true } as const;
const SOUNDS = new Map<string, Sound | Sentence>([
  ["ding", DING],
  ["moment", MOMENT],
]);

/** An answer is being said: so many milliseconds of it came. */
function answering(call: Call, length: number): void {
  call.client({ type: "response.create" });
  begin(call);
  call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
  say(call, length);
}

describe("a voice that does not do as it should", () => {
  const faults: readonly (readonly [string, string, (voicing: Voicing, call: Call) => void])[] = [
    ["refuses", "authentication_error", (one) => one.begins(401, "application/json").brings("{}").ends()],
    ["is not there", "upstream_unavailable", (one) => one.ends(0, "connection failed")],
    ["never answers", "upstream_timeout", (_, call) => call.advance(15_100)],
    ["stops", "upstream_timeout", (one, call) => (one.begins().brings(samples(20)), call.advance(20_100))],
    ["breaks off", "upstream_closed", (one) => one.begins().brings(samples(20)).ends(1006)],
    ["says nothing", "upstream_protocol_error", (one) => one.begins().ends()],
    ["is silent", "upstream_protocol_error", (one) => one.begins().brings(new Uint8Array(4800)).ends()],
    ["sends no sound", "upstream_protocol_error", (one) => one.begins(200, "text/html").brings("<p>").ends()],
    [
      "never ends",
      "upstream_protocol_error",
      (one) => {
        one.begins();
        for (let n = 0; n < 60 && one.open; n += 1) one.brings(samples(200));
      },
    ],
    [
      "goes on for ever with a drop at a time",
      "upstream_timeout",
      (one, call) => {
        one.begins();
        for (let n = 0; n < 8; n += 1) {
          one.brings(samples(1));
          call.advance(5000);
        }
      },
    ],
  ];
  test.each(faults)("[X404] %s: it is dropped and told why, and the call goes on", (_, code, does) => {
    const { call, observer } = observed();
    observer.say(saying("We close soon.", { expires_ms: 300_000 }));
    does(new Voicing(call), call);
    // What may have been a passing fault before a sample came is tried once more.
    if (requests(call).length > 1) does(new Voicing(call, 1), call);
    expect(became(observer)).toEqual(["queued", "dropped not_spoken"]);
    expect(observer.last("relay.say.dropped")).toMatchObject({ say_id: "a", error: { code } });
    expect(requests(call).length).toBeLessThanOrEqual(2);
    expect(requests(call).some(({ peer }) => call.open.has(peer))).toBe(false);
    expect(JSON.stringify([...call.events, ...observer.events])).not.toContain(SPEECH_KEY);
    answering(call, 300);
    finish(call);
    call.advance(2000);
    expect(call.types()).not.toContain("error");
    expect(call.session.snapshot().conduct.asides?.speech?.open).toEqual([]);
  });

  test("[X404] what may have been a passing fault is one more request, and no more than one", () => {
    const { call, observer } = observed();
    observer.say(saying("We close soon."));
    new Voicing(call).begins(503, "text/plain").ends();
    expect(askedTexts(call)).toEqual(["We close soon.", "We close soon."]);
    new Voicing(call, 1).says();
    expect(became(observer)).toEqual(["queued", "started"]);
  });

  test("[X404] a sound is said in its place where one is named", () => {
    const { call, observer } = observed({ sounds: SOUNDS });
    observer.say(saying("We close soon.", { sound: "ding" }));
    new Voicing(call).begins(401).ends();
    expect(became(observer)).toEqual(["queued", "started"]);
    call.advance(2000);
    expect(sentMs(call, own(call)[0])).toBe(200);
    expect(wordsOf(call, own(call)[0])).toBe("");
  });

  test("[X405] one that is not spoken in time is dropped and its request given up; the ones behind it go ahead", () => {
    const { call, observer } = observed({ sounds: SOUNDS });
    observer.say(saying("We close soon.", { expires_ms: 3000 }));
    observer.say({ type: "relay.say", say_id: "b", sound: "ding" });
    expect(became(observer)).toEqual(["queued", "queued", "started"]);
    expect(observer.last("relay.say.started")["say_id"]).toBe("b");
    call.advance(3100);
    expect(became(observer).slice(-2)).toEqual(["completed", "dropped expired"]);
    expect(new Voicing(call).open).toBe(false);
    expect(call.session.snapshot().conduct.asides?.speech?.open).toEqual([]);
  });

  test("[X405] an answer that is asked for meanwhile does not wait for it", () => {
    const { call, observer } = observed();
    observer.say(saying("We close soon."));
    answering(call, 500);
    expect(call.frames.length).toBeGreaterThan(0);
    finish(call);
    new Voicing(call).says();
    expect(own(call)).toEqual([]);
    call.advance(700);
    expect(own(call)).toHaveLength(1);
    expect(became(observer)).toEqual(["queued", "started"]);
  });

  test("[X405] what came of a background task is told meanwhile", () => {
    const { call, observer } = observed({ background: MIND });
    handsOn(call, "Find a table for two.");
    observer.say(saying("We close soon."));
    new Thought(call).says("At seven.");
    call.advance(600);
    expect(notes(call)).toHaveLength(1);
    expect(became(observer)).toEqual(["queued"]);
  });

  test("[X405] the next two are spoken in advance, and no more", () => {
    const { call, observer } = observed();
    for (const id of ["a", "b", "c"]) observer.say(saying(`Number ${id}.`, { say_id: id }));
    expect(askedTexts(call)).toEqual(["Number a.", "Number b."]);
    new Voicing(call).says(100);
    call.advance(50);
    expect(askedTexts(call)).toEqual(["Number a.", "Number b.", "Number c."]);
  });
});

describe("what it costs, and what outlives the object", () => {
  const PRICE = { speechCharactersPerMillion: 30, outputAudioPerMinute: 0.6 };

  test("[X408] characters and seconds of the voice are told beside the next answer's, by a role of their own", () => {
    const { call, observer } = observed({ speech: { ...SPEECH, price: PRICE } });
    observer.say(saying("We close soon."));
    new Voicing(call).says(500);
    call.advance(1000);
    answering(call, 300);
    finish(call);
    call.advance(1000);
    const told = observer.last("relay.cost");
    expect(told["upstreams"]).toContainEqual({
      upstream: "speech",
      role: "speech",
      kind: "own",
      output_audio_seconds: 0.5,
      speech_characters: 14,
      cost: 0.00542,
    });
    const counted = call.actions.flatMap((action) =>
      action.type === "metric" && action.name === "cost_own_millionths" ? [action.value] : [],
    );
    expect(counted).toEqual([expect.closeTo(5420)]);
  });

  test("[X409] one that waits when the object dies is spoken anew and said; one that was being said is dropped", () => {
    const { call, observer } = observed();
    const { relay } = call.last("session.created")["session"] as { relay: { resume_token: string } };
    observer.say(saying("We close soon.", { expires_ms: 60_000 }));
    new Voicing(call).begins().brings(samples(100));
    const kept = call.session.snapshot();
    const last_received = call.session.snapshot().port.outbox.groups.flat().at(-1)?.sequence ?? 0;
    call.crash(kept);
    expect(requests(call)).toHaveLength(1);
    call.connect("duplex.v1");
    call.client({ type: "session.resume", resume_token: relay.resume_token, last_received });
    const again = new Watcher(call, 2);
    expect(askedTexts(call)).toEqual(["We close soon.", "We close soon."]);
    expect(requests(call)[1]?.peer).not.toBe(requests(call)[0]?.peer);
    new Voicing(call, 1).says(400);
    call.advance(10_000);
    expect(became(again)).toEqual(["started", "completed"]);
    expect(own(call).map((one) => sentMs(call, one))).toEqual([400]);
  });

  test("[X409] in another isolate the request is made anew, and the old one hung up", () => {
    const { call, observer } = observed();
    observer.say(saying("We close soon."));
    const first = new Voicing(call).begins().brings(samples(100));
    call.hibernate();
    const again = new Watcher(call, 1, { again: true });
    call.client({ type: "session.heartbeat" });
    expect(first.open).toBe(false);
    new Voicing(call, 1).says(400);
    call.advance(2000);
    expect(became(again)).toEqual(["queued", "started", "completed"]);
  });

  test("[X409] a session that ends hangs its voice up", () => {
    const { call, observer } = observed();
    observer.say(saying("We close soon."));
    call.session.terminate(call.now).forEach((action) => {
      if (action.type === "close") call.open.delete(action.peer);
    });
    expect(new Voicing(call).open).toBe(false);
  });
});
