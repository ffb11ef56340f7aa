import { describe, expect, test } from "vitest";

import { Playout } from "../../src/session/output/playout.ts";
import { begin, byType, finish, item, response, say } from "../support/answering.ts";
import { Call } from "../support/call.ts";
import { Watcher } from "../support/watcher.ts";
import { concat, silence, voice } from "../support/signal.ts";

const message = { response: "r", item: "i", kind: "message" } as const;

function ledger(): Playout {
  return new Playout(1000);
}

describe("the ledger", () => {
  test("[B13] its end follows an acknowledgement, and so does what comes after the item", () => {
    const playout = ledger();
    playout.sent("a", 0, 1000, 0);
    playout.sent("b", 0, 1000, 0);
    playout.acknowledged("a", 500, 800);
    expect(playout.audibleUntil(0)).toBe(2300);
    expect(playout.heardMs("a", 900)).toBe(600);
    expect(playout.heardMs("b", 1400)).toBe(100);
    playout.sent("b", 0, 500, 1000);
    expect(playout.audibleUntil(0)).toBe(2800);
    expect(playout.heardMs("b", 1400)).toBe(100);
  });

  test("[B13] a player that is steadily late is not sent less; one that stood still is not sent more", () => {
    const playout = ledger();
    playout.sent("a", 0, 1000, 0);
    playout.acknowledged("a", 100, 300);
    expect(playout.aheadMs(0, 300)).toBe(700);
    playout.acknowledged("a", 300, 500);
    expect(playout.aheadMs(0, 500)).toBe(500);
    const stalled = playout.acknowledged("a", 300, 900);
    expect(stalled?.byMs).toBe(400);
    expect(playout.aheadMs(0, 900)).toBe(500);
    expect(playout.audibleUntil(0)).toBe(1600);
  });

  test("[B41] of two answers that sound in turns on one stream, what was heard of the one is not to come after the other", () => {
    const playout = ledger();
    playout.sent("a", 0, 100, 0);
    playout.sent("b", 0, 2000, 0);
    playout.acknowledged("a", 100, 100);
    playout.acknowledged("b", 2000, 2100);
    playout.sent("a", 0, 60, 2100);
    playout.acknowledged("a", 120, 2120);
    expect(playout.audibleUntil(0)).toBe(2160);
    expect(playout.aheadMs(0, 2120)).toBe(40);
    // Of one that was heard in part only its rest comes.
    playout.sent("b", 0, 100, 2120);
    playout.acknowledged("b", 2020, 2140);
    playout.sent("a", 0, 60, 2140);
    playout.acknowledged("a", 140, 2160);
    expect(playout.audibleUntil(0)).toBe(2320);
  });

  test("[B13] audio that comes after the player ran dry is not heard before it came", () => {
    const playout = ledger();
    playout.sent("a", 0, 1000, 0);
    playout.sent("a", 0, 1000, 3000);
    expect(playout.heardMs("a", 3500)).toBe(1500);
    expect(playout.unheard(3500)).toEqual(["a"]);
    expect(playout.unheard(4000)).toEqual([]);
  });

  test("[B14] a client that acknowledges and then does not has played on for a second at most", () => {
    const playout = ledger();
    playout.sent("a", 0, 8000, 0);
    playout.acknowledged("a", 1600, 1600);
    expect(playout.heardMs("a", 2100)).toBe(2100);
    expect(playout.heardMs("a", 7600)).toBe(2600);
    expect(playout.unheard(60_000)).toEqual(["a"]);
    playout.acknowledged("a", 1700, 8000);
    expect(playout.heardMs("a", 8500)).toBe(2200);
  });

  test("[B14] nor more where it said so while it was told to stand still", () => {
    const playout = ledger();
    playout.sent("a", 0, 8000, 0);
    playout.pause(1000, "floor");
    playout.acknowledged("a", 900, 1300);
    playout.resume(2000, "floor");
    expect(playout.heardMs("a", 2500)).toBe(1400);
    expect(playout.heardMs("a", 9000)).toBe(1900);
  });

  test("[B14] nor of another agent, whose stream it has said nothing of; while it says anything the clock goes on", () => {
    const playout = ledger();
    playout.sent("a", 0, 8000, 0);
    playout.acknowledged("a", 500, 500);
    playout.sent("b", 1, 8000, 1000);
    expect(playout.heardMs("b", 1800)).toBe(800);
    expect(playout.heardMs("b", 9000)).toBe(1000);
    playout.acknowledged("a", 2400, 2400);
    expect(playout.heardMs("b", 3000)).toBe(2000);
    expect(playout.unheard(60_000)).toEqual(["a", "b"]);
  });

  test("[B71] a client that says twice where it is, and has more to play, plays nothing until it says something else", () => {
    const playout = ledger();
    playout.sent("a", 0, 3000, 0);
    playout.acknowledged("a", 400, 400);
    expect(playout.heardMs("a", 600)).toBe(600);
    playout.acknowledged("a", 400, 600);
    expect(playout.heardMs("a", 790)).toBe(400);
    expect(playout.heardMs("a", 60_000)).toBe(400);
    expect(playout.unheard(60_000)).toEqual(["a"]);
    playout.acknowledged("a", 500, 900);
    expect(playout.heardMs("a", 1000)).toBe(600);
    // Told to stand still it stands still, and then plays on.
    playout.pause(1000, "floor");
    playout.acknowledged("a", 600, 1100);
    playout.acknowledged("a", 600, 1300);
    playout.resume(1500, "floor");
    expect(playout.heardMs("a", 1700)).toBe(800);
  });

  test("[B71] nor does it play the other answer of its player, of which it says nothing meanwhile", () => {
    const playout = ledger();
    playout.sent("a", 0, 400, 0);
    playout.sent("b", 0, 3000, 0);
    playout.sent("a", 0, 3000, 0);
    playout.acknowledged("a", 400, 600);
    playout.acknowledged("b", 200, 600);
    playout.acknowledged("b", 200, 800);
    const restored = ledger();
    restored.restore(structuredClone(playout.snapshot()));
    for (const one of [playout, restored]) {
      one.sent("c", 0, 1000, 900);
      expect(["a", "b", "c"].map((id) => one.heardMs(id, 9000))).toEqual([400, 200, 0]);
      expect(one.unheard(9000)).toEqual(["a", "b", "c"]);
      one.acknowledged("b", 300, 1200);
      expect(one.heardMs("b", 1500)).toBe(600);
    }
  });

  test("[B71] one of two answers that sound in turns stands still while the other sounds", () => {
    const playout = ledger();
    playout.sent("a", 0, 400, 0);
    playout.sent("b", 0, 3000, 0);
    playout.sent("a", 0, 3000, 0);
    playout.acknowledged("a", 400, 400);
    playout.acknowledged("b", 200, 600);
    playout.acknowledged("a", 400, 800);
    playout.acknowledged("b", 400, 800);
    expect(playout.heardMs("b", 1000)).toBe(600);
  });

  test("[B70] on one player two streams sound one after the other, and in turns where they were sent so", () => {
    const playout = new Playout(1000, { playerOf: () => 0 });
    playout.sent("a", 0, 1000, 0);
    playout.sent("b", 1, 1000, 0);
    expect([playout.heardMs("a", 700), playout.heardMs("b", 700)]).toEqual([700, 0]);
    expect([playout.heardMs("a", 1300), playout.heardMs("b", 1300)]).toEqual([1000, 300]);
    playout.sent("a", 0, 500, 1300);
    const restored = new Playout(1000, { playerOf: () => 0 });
    restored.restore(structuredClone(playout.snapshot()));
    for (const one of [playout, restored]) {
      // What was heard of the first stays heard while the second sounds.
      expect([one.heardMs("a", 1500), one.heardMs("b", 1500)]).toEqual([1000, 500]);
      expect([one.heardMs("a", 2200), one.heardMs("b", 2200)]).toEqual([1200, 1000]);
      expect(one.unheard(2200)).toEqual(["a"]);
    }
  });

  test("[B14] one that never acknowledged is believed by the clock", () => {
    const playout = ledger();
    playout.sent("a", 0, 8000, 0);
    expect(playout.heardMs("a", 7600)).toBe(7600);
    expect(playout.unheard(8000)).toEqual([]);
  });

  test("[B15] what a resume sends again cannot have sounded", () => {
    const playout = ledger();
    playout.sent("a", 0, 2000, 0);
    playout.sent("b", 0, 3000, 0);
    playout.pause(5000, "connection");
    playout.unreceived(new Map([[0, 4000]]), 6000);
    playout.resume(6000, "connection");
    expect(playout.heardMs("a", 6000)).toBe(1000);
    expect(playout.heardMs("b", 6000)).toBe(0);
    expect(playout.heardMs("b", 7500)).toBe(500);
    expect(playout.audibleUntil(0)).toBe(10_000);
    expect(playout.aheadMs(0, 6000)).toBe(4000);
  });

  test("[B30] of what was cut it says what was taken for heard and had not arrived; what came before was heard", () => {
    const playout = ledger();
    playout.sent("before", 0, 1000, 0);
    playout.sent("cut", 0, 3000, 4000);
    playout.cut("cut", 5500);
    playout.sent("after", 0, 500, 6000);
    playout.pause(8000, "connection");
    // Half a second of the second item had arrived.
    expect(playout.unreceived(new Map([[0, 3000]]), 9000)).toEqual([{ itemId: "cut", heardMs: 500 }]);
    playout.resume(9000, "connection");
    expect(playout.heardMs("before", 9000)).toBe(1000);
    expect(playout.heardMs("cut", 9000)).toBe(500);
    expect(playout.heardMs("after", 9000)).toBe(0);
    expect(playout.audibleUntil(0)).toBe(9500);
    expect(playout.unreceived(new Map([[0, 3000]]), 9000)).toEqual([]);
  });

  test("[B13] a snapshot keeps both clocks", () => {
    const playout = ledger();
    playout.sent("a", 0, 1000, 0);
    playout.acknowledged("a", 100, 300);
    const restored = ledger();
    restored.restore(structuredClone(playout.snapshot()));
    for (const one of [playout, restored]) {
      expect([one.aheadMs(0, 400), one.audibleUntil(0), one.heardMs("a", 400)]).toEqual([600, 1200, 200]);
    }
  });
});

/** A twenty-second answer, all of it sent at once to a plain client. */
function longAnswer(): Call {
  const call = new Call();
  call.speak(silence(600));
  call.client({ type: "response.create" });
  begin(call);
  call.upstream({ type: "item.started", ...message });
  const words = Array.from({ length: 40 }, (_, index) => `word${index}`).join(" ");
  call.upstream({ type: "transcript", response: "r", item: "i", delta: words });
  say(call, 20_000);
  return call;
}

function told(call: Call, peer: string): string {
  return JSON.stringify(call.commands(peer).filter(({ type }) => type === "item"));
}

describe("a plain client that flushes and does not truncate", () => {
  test.each(["speech", "response.cancel"] as const)(
    "[B16] is not taken to play on after %s: the next words are a turn, and idle time counts from there",
    (how) => {
      const call = longAnswer();
      call.advance(1000);
      if (how === "speech") call.speak(concat(voice(600), silence(900)));
      else call.client({ type: "response.cancel" });
      call.advance(1000);
      call.clearEvents();
      call.speak(concat(voice(60), silence(900)));
      expect(call.types()).toContain("input_audio_buffer.speech_started");
    },
  );

  test("[B17] the provider keeps what it said; another connection is told what can have been heard", () => {
    const call = longAnswer();
    call.advance(2000);
    call.speak(concat(voice(600), silence(900)));
    expect(call.types()).not.toContain("conversation.item.truncated");
    expect(call.commandTypes()).not.toContain("truncate");
    const item_id = String(item(call, "response.output_item.added")["id"]);
    call.client({ type: "conversation.item.retrieve", item_id });
    const [part] = item(call, "conversation.item.retrieved")["content"] as {
      audio: string;
      transcript: string;
    }[];
    const ms = Uint8Array.fromBase64(part?.audio ?? "").length / 48;
    expect(ms).toBeGreaterThan(1900);
    expect(ms).toBeLessThan(3000);
    expect(part?.transcript).toContain("word3");
    expect(part?.transcript).not.toContain("word7");
    // So is whoever looks on, hearing or not, and a client that comes anew.
    for (const [number, audio] of [true, false].entries()) {
      const observer = new Watcher(call, number + 1, { audio });
      observer.say({ type: "conversation.item.retrieve", item_id });
      const shown = observer.events.map((event) => JSON.stringify(event["item"] ?? ""));
      expect(shown.filter((text) => text.includes("word3"))).toHaveLength(3);
      expect(shown.join()).not.toContain("word7");
    }
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    call.clearEvents();
    call.connect("realtime");
    expect(JSON.stringify(call.events)).toContain("word3");
    expect(JSON.stringify(call.events)).not.toContain("word7");
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    call.advance(300);
    call.accept("up0.2");
    expect(told(call, "up0.2")).toContain("word3");
    expect(told(call, "up0.2")).not.toContain("word7");
  });

  test("[B17] its own truncation is what counts, for everybody", () => {
    const call = longAnswer();
    call.advance(2000);
    call.speak(voice(600));
    const item_id = String(item(call, "response.output_item.added")["id"]);
    call.client({ type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 1000 });
    expect(call.last("conversation.item.truncated")).toMatchObject({ audio_end_ms: 1000 });
    expect(call.commands().at(-1)).toMatchObject({ type: "truncate", audioEndMs: 1000 });
    expect(
      call.session.snapshot().conversation.entries.find((one) => one.item.id === item_id)?.heardText,
    ).toBe("word0 word1");
  });
});

describe("a duplex.v1 client", () => {
  test("[B13] whose player stood still is flushed and truncated in its tail, and was not sent more than the lead", () => {
    const call = new Call({ dialect: "duplex.v1" });
    call.speak(silence(600));
    call.client({ type: "response.create" });
    begin(call);
    call.upstream({ type: "item.started", ...message });
    say(call, 3000);
    call.upstream({ type: "item.done", response: "r", item: "i", status: "completed" });
    finish(call);
    const item_id = String(item(call, "response.output_item.added")["id"]);
    const ack = (played_ms: number) => call.client({ type: "playback.ack", item_id, played_ms });
    const sentMs = () => call.frames.reduce((sum, { payload }) => sum + payload.length / 48, 0);
    for (let ms = 200; ms <= 1000; ms += 200) {
      call.advance(200);
      ack(ms);
    }
    for (let step = 0; step < 10; step += 1) {
      call.advance(200);
      ack(1000);
    }
    expect(sentMs()).toBeLessThanOrEqual(1000 + 400 + 460);
    for (let ms = 1200; ms <= 2600; ms += 200) {
      call.advance(200);
      ack(ms);
    }
    call.advance(100);
    expect(sentMs()).toBe(3000);
    call.speak(voice(900));
    expect(call.types()).toContain("output_audio_buffer.cleared");
    const { audio_end_ms } = call.last("conversation.item.truncated");
    expect(Number(audio_end_ms)).toBeGreaterThan(2600);
    expect(Number(audio_end_ms)).toBeLessThan(3000);
  });
});

describe("the format of one answer", () => {
  test.each(["realtime", "duplex.v1"] as const)(
    "[R38] response.create names it, the response shows it, and its audio has it (%s)",
    (dialect) => {
      const call = new Call({ dialect });
      const format = { type: "audio/pcmu" };
      call.client({ type: "response.create", response: { audio: { output: { format } } } });
      expect(response(call, "response.created")).toMatchObject({ audio: { output: { format } } });
      begin(call);
      call.upstream({ type: "item.started", ...message });
      say(call, 300);
      call.upstream({ type: "item.done", response: "r", item: "i", status: "completed" });
      finish(call);
      const deltas = byType(call, "response.output_audio.delta").map((event) =>
        Uint8Array.fromBase64(String(event["delta"])),
      );
      const pieces = dialect === "realtime" ? deltas : call.frames.map(({ payload }) => payload);
      expect(pieces.reduce((sum, piece) => sum + piece.length, 0)).toBe(300 * 8);
      call.client({ type: "response.create" });
      expect(response(call, "response.created")).toMatchObject({
        audio: { output: { format: { rate: 24_000 } } },
      });
    },
  );

  test("[R38] its voice is shown as well, and the next answer has the session's", () => {
    const call = new Call({ session: { audio: { output: { voice: "v-marin" } } } });
    const output = { format: { type: "audio/pcm", rate: 24_000 }, voice: "v-cedar" };
    call.client({ type: "response.create", response: { audio: { output: { voice: "v-cedar" } } } });
    expect(response(call, "response.created")).toMatchObject({ audio: { output } });
    begin(call);
    finish(call);
    expect(response(call)).toMatchObject({ audio: { output } });
    call.client({ type: "response.create" });
    expect(response(call, "response.created")).toMatchObject({ audio: { output: { voice: "v-marin" } } });
  });

  test("[R38] a wrong one is an error that names it, and nothing is asked", () => {
    const call = new Call();
    for (const format of [{ type: "audio/opus" }, { type: "audio/pcm", rate: 22_050 }, "pcm16"]) {
      call.client({ type: "response.create", response: { audio: { output: { format } } } });
      const param = "response.audio.output.format";
      expect(call.last("error")["error"]).toMatchObject({ code: "invalid_value", param });
    }
    expect(call.commandTypes()).not.toContain("respond");
  });

  test("[R39] no message of audio or words exceeds 256 kB, and none of it is lost", () => {
    const call = new Call();
    call.client({ type: "response.create" });
    begin(call);
    call.upstream({ type: "item.started", ...message });
    const words = "ab𝄞\u0001".repeat(20_000);
    call.upstream({ type: "transcript", response: "r", item: "i", delta: words });
    say(call, 30_000);
    const sizes = call.actions.flatMap((action) =>
      action.type === "send" && action.peer === "client" && typeof action.data === "string"
        ? [new TextEncoder().encode(action.data).length]
        : [],
    );
    expect(Math.max(...sizes)).toBeLessThanOrEqual(256_000);
    const audio = byType(call, "response.output_audio.delta").flatMap((event) => [
      ...Uint8Array.fromBase64(String(event["delta"])),
    ]);
    expect(Uint8Array.from(audio)).toEqual(new Uint8Array(voice(30_000).buffer));
    const said = byType(call, "response.output_audio_transcript.delta").map((event) => event["delta"]);
    expect(said.join("")).toBe(words);
    expect(said.every((piece) => String(piece).isWellFormed())).toBe(true);
  });
});
