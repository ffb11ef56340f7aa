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

describe("the conversation goes on without what broke off", () => {
  /** An answer that broke off in its middle with its connection. */
  function broken(call: Call): void {
    call.client({ type: "response.create" });
    begin(call);
    call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
    say(call, 100);
    lose(call, "up0.1");
    call.advance(10);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "failed" });
  }

  test.each(["realtime", "duplex.v1"] as const)(
    "[L210] a %s client that asks before the next connection is dialled is answered by that one, which is asked once",
    (dialect) => {
      const call = new Call({ dialect });
      broken(call);
      call.client({ type: "response.create", response: { metadata: { for: "retry" } } });
      call.accept("up0.2");
      call.advance(1000);
      expect(call.events.filter(({ type }) => type === "response.created")).toHaveLength(2);
      const asked = call.commands("up0.2").filter(({ type }) => type === "respond");
      expect(asked).toHaveLength(1);
      expect(JSON.stringify(asked)).not.toContain("cut off");
      call.answer(voice(200), "Yes.", "up0.2");
      call.advance(3000);
      expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
      expect(call.commandTypes("up0.2").filter((type) => type === "respond")).toHaveLength(1);
    },
  );

  test("[L210] what it asks out of band changes nothing: the rest is asked for", () => {
    const call = new Call({ dialect: "duplex.v1" });
    broken(call);
    call.client({ type: "response.create", response: { conversation: "none" } });
    call.accept("up0.2");
    call.advance(1000);
    const asked = call.commands("up0.2").filter(({ type }) => type === "respond");
    expect(asked).toHaveLength(2);
    expect(JSON.stringify(asked)).toContain("cut off");
  });
});
