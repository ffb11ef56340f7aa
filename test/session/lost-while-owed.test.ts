import { describe, expect, test } from "vitest";

import { begin, say } from "../support/answering.ts";
import { Call, WIRE } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const POLITE = { audio: { input: { turn_detection: { type: "server_vad", interrupt_response: false } } } };
const STANDBY = { ...WIRE, standby: true, fallback: [{ adapter: "wire" }] };
const TURN = concat(silence(300), voice(900), silence(900));

function lose(call: Call, peer: string): void {
  call.open.delete(peer);
  call.input({ type: "close", peer, code: 1006, reason: "" });
}

describe("an answer is owed when the one that runs breaks off with its connection", () => {
  test("[L160] the standby is asked for it, and nobody else is dialled in its place", () => {
    const call = new Call({ upstreams: [STANDBY], session: POLITE, dialect: "duplex.v1" });
    call.accept("up0.2");
    call.client({ type: "response.create" });
    begin(call);
    call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
    say(call, 2000);
    call.speak(TURN);
    expect(call.commandTypes("up0.1").filter((type) => type === "respond")).toHaveLength(1);
    lose(call, "up0.1");
    call.advance(3000);
    expect(call.commandTypes("up0.2")).toContain("respond");
    // The next standby: there is no connection that nobody knows of.
    const dialled = call.actions.flatMap((action) => (action.type === "dial" ? [action.peer] : []));
    expect(dialled).toEqual(["up0.1", "up0.2", "up0.3"]);
  });
});
