/** A client that comes back to a session that believed other things of it, or died meanwhile. */
import { describe, expect, test } from "vitest";

import { Call, WIRE } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

function tokenOf(call: Call): string {
  const { relay } = call.last("session.created")["session"] as { relay: { resume_token: string } };
  return relay.resume_token;
}

function lastOf(call: Call): number {
  const numbers = call.events.map((event) => Number(event["server_event_seq"] ?? 0));
  return Math.max(0, ...numbers, ...call.frames.map(({ header }) => header.sequence));
}

function drop(call: Call): void {
  call.open.delete("client");
  call.input({ type: "close", peer: "client", code: 1006, reason: "" });
}

function resume(call: Call, last_received: number, token: string): void {
  call.connect("duplex.v1");
  call.client({ type: "session.resume", resume_token: token, last_received });
}

describe("a client that comes back", () => {
  test.each([0, 1])(
    "[B30] and had got %i frames of an answer that was truncated further on has it truncated there",
    (frames) => {
      const call = new Call({ dialect: "duplex.v1" });
      const token = tokenOf(call);
      call.speak(concat(silence(600), voice(900), silence(900)));
      const before = lastOf(call);
      call.beginAnswer();
      const audio = new Uint8Array(voice(1000).buffer).toBase64();
      call.upstream({ type: "transcript", response: "r", item: "i", delta: "One two three four five six." });
      for (let at = 0; at < 3; at += 1) call.upstream({ type: "audio", response: "r", item: "i", audio });
      // The way to the client is dead after so much; the way from it is not, and it speaks over what it does not hear.
      const got = call.frames.slice(0, frames);
      call.speak(concat(silence(1500), voice(1500, 24_000, 4), silence(900)));
      const itemId = call.last("conversation.item.truncated")["item_id"];
      const endMs = got.reduce((ms, { payload }) => ms + payload.length / 48, 0);
      expect(call.last("conversation.item.truncated")["audio_end_ms"]).toBeGreaterThan(1100);
      drop(call);
      call.advance(1000);
      call.clearEvents();
      resume(call, got.at(-1)?.header.sequence ?? before, token);
      expect(call.events.filter(({ type }) => type === "conversation.item.truncated").at(-1)).toMatchObject({
        item_id: itemId,
        audio_end_ms: endMs,
      });
      expect(call.commands().findLast(({ type }) => type === "truncate")).toMatchObject({
        audioEndMs: endMs,
      });
      const entry = call.session.snapshot().conversation.entries.find(({ item }) => item.id === itemId);
      expect(entry?.truncatedMs).toBe(endMs);
    },
  );

  test("[L70] hears an answer that waited for it, and so does the connection that serves since its own was lost", () => {
    const call = new Call({ dialect: "duplex.v1" });
    const [token, last] = [tokenOf(call), lastOf(call)];
    call.client({ type: "response.create" });
    drop(call);
    call.answer(voice(400), "It is late.");
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    call.advance(1000);
    call.accept("up0.2");
    expect(call.commandTypes("up0.2")).toEqual(["greet"]);
    resume(call, last, token);
    call.advance(2000);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
    const { item } = call.last("conversation.item.done");
    const told = call.commands("up0.2").find(({ type }) => type === "item");
    expect(told).toMatchObject({ item: { content: [{ type: "output_text", text: "It is late." }] } });
    expect(told).toMatchObject({ item: { id: (item as { id: string }).id } });
    // The name that the lost connection had for it is none of this one's.
    expect(call.commandTypes("up0.2")).not.toContain("named");
  });

  test("[L80] anew, on a session whose object died, has every upstream dialled once", () => {
    const upstreams = [WIRE, { ...WIRE, name: "other" }];
    const call = new Call({ upstreams, dialect: "duplex.v1" });
    call.crash(structuredClone(call.session.snapshot()));
    call.actions.length = 0;
    call.connect("duplex.v1");
    call.client({ type: "session.update", session: { type: "realtime", instructions: "Anew." } });
    call.advance(3000);
    const dialled = call.actions.flatMap((action) => (action.type === "dial" ? [action.peer] : []));
    expect(dialled.map((peer) => peer.split(".")[0])).toEqual(["up0", "up1"]);
    for (const peer of dialled) call.accept(peer);
    drop(call);
    call.advance(40_000);
    expect(call.session.state().status).toBe("ended");
    expect([...call.open]).toEqual([]);
  });

  test("[L80] and so has one that resumes", () => {
    const call = new Call({ dialect: "duplex.v1" });
    const [token, last] = [tokenOf(call), lastOf(call)];
    call.crash(structuredClone(call.session.snapshot()));
    call.actions.length = 0;
    resume(call, last, token);
    call.advance(2000);
    expect(call.actions.filter(({ type }) => type === "dial")).toHaveLength(1);
  });
});
