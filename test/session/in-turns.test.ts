/** Two answers of one player that sound in turns, piece by piece. */
import { describe, expect, test } from "vitest";

import { Playout } from "../../src/session/output/playout.ts";
import { begin, byType, say } from "../support/answering.ts";
import { Call, type Received } from "../support/call.ts";
import { silence } from "../support/signal.ts";

describe("of two answers that sound in turns", () => {
  const heard = (playout: Playout, now: number) => ["a", "b"].map((id) => playout.heardMs(id, now));
  /** Four hundred milliseconds of the one, of the other, and so on. */
  function turns(): Playout {
    const playout = new Playout(1000);
    for (const id of ["a", "b", "a", "b"]) playout.sent(id, 0, 400, 0);
    return playout;
  }

  test("[B80] neither goes on while the other sounds, after an acknowledgement as before it", () => {
    const playout = turns();
    playout.acknowledged("a", 300, 300);
    const restored = new Playout(1000);
    restored.restore(structuredClone(playout.snapshot()));
    for (const one of [playout, restored]) {
      expect(heard(one, 600)).toEqual([400, 200]);
      expect(heard(one, 1000)).toEqual([600, 400]);
      expect(one.unheard(1250)).toEqual(["b"]);
      expect(one.audibleUntil(0)).toBe(1600);
    }
    playout.acknowledged("b", 100, 500);
    expect(heard(playout, 700)).toEqual([400, 300]);
    expect(heard(playout, 1000)).toEqual([600, 400]);
  });

  test("[B80] what follows in turns follows a player that is late", () => {
    const playout = turns();
    playout.acknowledged("b", 100, 800);
    expect(heard(playout, 1000)).toEqual([400, 300]);
    expect(heard(playout, 1300)).toEqual([600, 400]);
    expect(heard(playout, 1700)).toEqual([800, 600]);
    expect(playout.audibleUntil(0)).toBe(1900);
  });

  test("[B80] what a resume sends again sounds in turns again", () => {
    const playout = turns();
    playout.pause(600, "connection");
    // Of the first turn of the one all had arrived, of that of the other a half.
    playout.unreceived(new Map([[0, 1000]]), 2000);
    playout.resume(2000, "connection");
    expect(heard(playout, 2000)).toEqual([400, 200]);
    expect(heard(playout, 2100)).toEqual([400, 300]);
    expect(heard(playout, 2400)).toEqual([600, 400]);
    expect(heard(playout, 2800)).toEqual([800, 600]);
    expect(playout.audibleUntil(0)).toBe(3000);
  });

  test("[B80] an interruption truncates the one where the player was, though it said so before the other had its turn", () => {
    const call = new Call({ dialect: "duplex.v1" });
    call.speak(silence(600));
    for (const [key, conversation] of [["a"], ["b", "none"]] as const) {
      call.client({ type: "response.create", response: conversation ? { conversation } : {} });
      begin(call, key);
      call.upstream({ type: "item.started", response: key, item: `i${key}`, kind: "message" });
    }
    const added = byType(call, "response.output_item.added");
    const [item_id = ""] = added.map((event) => String((event["item"] as Received)["id"]));
    // Of the one 100 ms, of the other 300, and of the one again.
    say(call, 100, { response: "a", item: "ia" });
    say(call, 300, { response: "b", item: "ib" });
    call.speak(silence(60));
    say(call, 100, { response: "a", item: "ia" });
    call.client({ type: "playback.ack", item_id, played_ms: 60 });
    call.speak(silence(200));
    call.client({ type: "output_audio_buffer.clear" });
    expect(call.last("conversation.item.truncated")).toMatchObject({ item_id, audio_end_ms: 100 });
  });
});
