import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { Call } from "../support/call.ts";
import { concat, silence, sung, voice } from "../support/signal.ts";

const EAGER = { relay: { eager_ms: 150 } };
const FIRST = voice(900, 24_000, 3);
const SECOND = voice(900, 24_000, 4);
/** A voice that tells nothing by its pitch. */
const LEVEL = sung(500, 120, 120);

describe("eager answers", () => {
  test("[Q1] the answer is asked for at the first short silence and heard only when the turn is over", () => {
    const call = new Call({ session: EAGER });
    call.speak(concat(silence(600), FIRST, silence(300)));
    expect(call.commandTypes()).toEqual(["greet", "audio", "commit", "respond"]);
    call.answer(voice(200), "Early.");
    expect(call.types()).not.toContain("response.created");
    expect(call.types()).not.toContain("input_audio_buffer.committed");
    call.speak(silence(600));
    expect(call.types().slice(-16, -11)).toEqual([
      "input_audio_buffer.speech_stopped",
      "input_audio_buffer.committed",
      "conversation.item.added",
      "conversation.item.done",
      "response.created",
    ]);
    expect(call.types().at(-1)).toBe("response.done");
    expect(call.commandTypes()).toEqual(["greet", "audio", "commit", "respond"]);
  });

  test("[Q2] resumed speech takes it all back: no trace for the client, the whole turn again for the upstream", () => {
    const call = new Call({ session: EAGER });
    call.speak(concat(silence(600), FIRST, silence(300)));
    call.answer(voice(200), "Too early.");
    call.speak(concat(SECOND, silence(900)));
    // Deleted: the item that the answer had begun, then the half turn.
    expect(call.commandTypes()).toEqual([
      "greet",
      "audio",
      "commit",
      "respond",
      "cancel",
      "delete",
      "delete",
      "audio",
      "commit",
      "respond",
    ]);
    expect(JSON.stringify(call.events)).not.toContain("Too early.");
    expect(call.types().filter((type) => type === "response.created").length).toBe(1);
    expect(call.types().filter((type) => type === "input_audio_buffer.committed").length).toBe(1);
    const entries = call.session.snapshot().conversation.entries;
    expect(entries.map((entry) => entry.item["role"])).toEqual(["user"]);
    const all = call.commands().flatMap((one) => (one.type === "audio" ? [one.audio] : []));
    const again = call.commands().findIndex((one) => one.type === "delete");
    const second = call
      .commands()
      .slice(again)
      .flatMap((one) => (one.type === "audio" ? [one.audio] : []));
    const heard = (pieces: readonly string[]) =>
      pieces.map((piece) => Uint8Array.fromBase64(piece).toHex()).join("");
    expect(heard(second).startsWith(heard(all.slice(0, all.length - second.length)))).toBe(true);
    expect(heard(second)).toContain(new Uint8Array(SECOND.buffer).toHex());
  });

  test("[Q3] the turn committed in advance is deleted at the upstream under the name it was given there", () => {
    const call = new Call({ session: EAGER });
    call.speak(concat(silence(600), FIRST, silence(900)));
    const commit = call.commands().find((one) => one.type === "commit");
    const item = String(call.last("input_audio_buffer.committed")["item_id"]);
    call.client({ type: "conversation.item.delete", item_id: item });
    expect(call.commands().at(-1)).toEqual({
      type: "delete",
      itemId: commit?.type === "commit" ? commit.itemId : "",
    });
  });

  test("[U52] an answer refers to the turn committed in advance by the name it was given at the upstream", () => {
    const call = new Call({ session: EAGER });
    call.speak(concat(silence(600), FIRST, silence(900)));
    const commit = call.commands().find((one) => one.type === "commit");
    const item = String(call.last("input_audio_buffer.committed")["item_id"]);
    const input = [{ type: "item_reference", id: item }];
    call.client({ type: "response.create", response: { conversation: "none", input } });
    expect(call.commands().at(-1)).toMatchObject({
      type: "respond",
      options: {
        params: { input: [{ type: "item_reference", id: commit?.type === "commit" ? commit.itemId : "" }] },
      },
    });
  });

  test("[Q4] an upstream lost meanwhile hears the whole turn and is asked as if nothing had been", () => {
    const call = new Call({ session: EAGER });
    call.speak(concat(silence(600), FIRST, silence(300)));
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    call.advance(260);
    call.accept("up0.2");
    call.speak(silence(900));
    expect(call.commandTypes("up0.2").slice(0, 4)).toEqual(["greet", "audio", "commit", "respond"]);
    expect(Uint8Array.from(call.heard("up0.2")).toHex()).toContain(new Uint8Array(FIRST.buffer).toHex());
  });

  test("[Q5] off by default, and never without create_response", () => {
    const plain = new Call();
    plain.speak(concat(silence(600), FIRST, silence(300)));
    expect(plain.commandTypes()).not.toContain("commit");
    const turn_detection = { create_response: false };
    const manual = new Call({ session: { ...EAGER, audio: { input: { turn_detection } } } });
    manual.speak(concat(silence(600), FIRST, silence(300)));
    expect(manual.commandTypes()).not.toContain("commit");
  });

  test("[Q6] the client's own commit or clear takes an eager answer back first", () => {
    for (const type of ["input_audio_buffer.commit", "input_audio_buffer.clear"]) {
      const call = new Call({ session: EAGER });
      call.speak(concat(silence(600), FIRST, silence(300)));
      call.client({ type });
      expect(call.commandTypes()).toContain("cancel");
      expect(call.commandTypes()).toContain("delete");
      call.speak(silence(900));
      expect(call.types()).not.toContain("response.created");
    }
  });
});

describe("semantic_vad", () => {
  const semantic = (eagerness: string) => listening({ type: "semantic_vad", eagerness });
  const listening = (turn_detection: JsonObject) => ({ audio: { input: { turn_detection } } });
  const ends = (call: Call) =>
    call.events
      .filter((event) => event.type === "input_audio_buffer.speech_stopped")
      .map((event) => Number(event["audio_end_ms"]));

  test("[Q7] eagerness sets how long a silence ends a turn", () => {
    const end = (eagerness: string) => {
      const call = new Call({ session: semantic(eagerness), cadence: false });
      call.speak(concat(silence(600), FIRST, silence(3500)));
      return ends(call)[0] ?? 0;
    };
    expect(end("high")).toBeLessThan(end("auto"));
    expect(end("auto")).toBe(end("medium"));
    expect(end("medium")).toBeLessThan(end("low"));
  });

  /** Silence after which somebody was taken to have ended who had made so many pauses. */
  const waitedAfter = (pauses: number, pauseMs: number) => {
    const call = new Call({ session: semantic("auto"), cadence: false });
    const said = Array.from({ length: pauses }, () => [LEVEL, silence(pauseMs)]).flat();
    call.speak(concat(silence(600), ...said, LEVEL, silence(3000)));
    expect(ends(call).length).toBe(1);
    return (ends(call)[0] ?? 0) - (600 + pauses * (500 + pauseMs) + 500);
  };

  test("[Q8] the wait follows this speaker's own pauses, within the bounds of the eagerness", () => {
    const [unknown, short, long] = [waitedAfter(0, 0), waitedAfter(6, 400), waitedAfter(6, 900)];
    expect(short).toBeLessThan(unknown - 200);
    expect(long).toBeGreaterThan(unknown);
    expect(long).toBeLessThan(1750);
  });

  test("[Q8] who makes no pauses is answered sooner from turn to turn, and who is cut in on later again", () => {
    const call = new Call({ session: semantic("auto"), cadence: false });
    const waits: number[] = [];
    const say = (ms: number) => {
      const before = call.now;
      call.speak(concat(LEVEL, silence(ms)));
      waits.push((ends(call).at(-1) ?? 0) - (before - start) - 500);
      if (call.commandTypes().at(-1) === "respond") call.answer(voice(40), "Yes.");
    };
    const start = call.now;
    call.speak(silence(600));
    for (let turn = 0; turn < 4; turn += 1) say(3000);
    expect(waits.toSorted((a, b) => b - a)).toEqual(waits);
    expect(waits.at(-1)).toBeLessThan((waits[0] ?? 0) - 150);
    // Speech goes on soon after the turn was taken to be over.
    say((waits.at(-1) ?? 0) + 300);
    say(3000);
    expect(waits.at(-1)).toBeGreaterThan(waits[3] ?? 0);
  });

  /** Silence after which a first turn of two phrases was taken to be over, by how the voice went. */
  const waited = (hz: readonly [number, number, number], turnDetection: JsonObject, cadence = true) => {
    const call = new Call({ session: listening(turnDetection), cadence });
    const phrases = [sung(1000, hz[0], hz[1]), silence(200), sung(1000, hz[1], hz[2])];
    call.speak(concat(silence(600), ...phrases, silence(3000)));
    return (ends(call)[0] ?? 0) - 2800;
  };
  const FALLING = [120, 240, 110] as const;
  const RISING = [105, 135, 160] as const;

  test("[Q9] how a voice ended moves the wait, unless the route says no", () => {
    const semanticVad = { type: "semantic_vad" };
    expect(waited(FALLING, semanticVad)).toBeLessThan(waited(RISING, semanticVad) - 300);
    expect(waited(FALLING, semanticVad, false)).toBe(waited(RISING, semanticVad, false));
  });

  test("[Q10] server_vad waits the same silence, however the voice goes", () => {
    const plain = { type: "server_vad", silence_duration_ms: 600 };
    const [low, high] = [waited(FALLING, plain), waited(RISING, plain)];
    expect(low).toBe(high);
    // The energy detector hears the last word for a while longer.
    expect(low).toBeGreaterThanOrEqual(600);
    expect(low).toBeLessThanOrEqual(700);
  });
});
