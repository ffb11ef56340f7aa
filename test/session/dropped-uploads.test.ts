/** A client whose connection breaks while what it sent is still being worked through. */
import { describe, expect, test } from "vitest";

import { FRAME_AUDIO, writeFrame } from "../../src/protocol/frame.ts";
import { Call } from "../support/call.ts";
import { voice } from "../support/signal.ts";

const MANUAL = { audio: { input: { turn_detection: null } } };

/** What a gap left, sent at once: the first half second is worked through with its message, the rest waits. */
function uploading(): { readonly call: Call; readonly token: string } {
  const call = new Call({ dialect: "duplex.v1", session: MANUAL, limits: { inputStepMs: 500 } });
  const { relay } = call.last("session.created")["session"] as { relay: { resume_token: string } };
  for (let sequence = 1; sequence <= 20; sequence += 1) {
    const bytes = new Uint8Array(voice(200).buffer);
    call.client(writeFrame({ kind: FRAME_AUDIO, stream: 0, response: 0, sequence }, bytes));
  }
  drop(call);
  call.clearEvents();
  return { call, token: relay.resume_token };
}

function drop(call: Call): void {
  call.open.delete("client");
  call.input({ type: "close", peer: "client", code: 1006, reason: "" });
}

function resume(call: Call, token: string): void {
  call.client({ type: "session.resume", resume_token: token, last_received: 2 });
}

describe("a client that drops while what it sent waits for its step", () => {
  test.each([false, true])(
    "[R84] a plain one, whose audio is cut anywhere: what waits is heard in whole samples (back before: %s)",
    (back) => {
      const call = new Call({ session: MANUAL, limits: { inputStepMs: 200 } });
      const said = new Uint8Array(voice(3000).buffer);
      const append = (bytes: Uint8Array) =>
        call.client({ type: "input_audio_buffer.append", audio: bytes.toBase64() });
      for (const [from, to] of [
        [0, 4801],
        [4801, 28_803],
        [28_803, said.length],
      ])
        append(said.subarray(from, to));
      append(Uint8Array.of(1));
      drop(call);
      if (back) call.connect("realtime");
      call.advance(5000);
      const heard = call.heard();
      expect(heard).toEqual(said);
      if (!back) call.connect("realtime");
      append(said.subarray(0, 4800));
      call.advance(1000);
      // Nor is what another client says cut by it.
      expect(call.heard().subarray(heard.length)).toEqual(said.subarray(0, 4800));
    },
  );

  test("[P3] and of which a snapshot was taken meanwhile: what that said is sent to nobody", () => {
    const call = new Call({ session: MANUAL, limits: { inputStepMs: 200 } });
    const said = new Uint8Array(voice(3000).buffer);
    call.client({ type: "input_audio_buffer.append", audio: said.toBase64() });
    call.client({ type: "input_audio_buffer.commit" });
    call.session.snapshot();
    const closed = { type: "close", peer: "client", code: 1006, reason: "" } as const;
    const sent = call.session.handle(closed, call.now).filter(({ type }) => type === "send");
    expect(sent.map((action) => "peer" in action && action.peer)).not.toContain("client");
    expect(sent).not.toEqual([]);
  });

  test("[M90] resumes: what waits is no first message of the connection that is there", () => {
    const { call, token } = uploading();
    call.connect("duplex.v1");
    resume(call, token);
    call.advance(100);
    expect(call.types()).not.toContain("session.created");
    expect(call.last("session.resumed")).toMatchObject({ verdict: "resumed", last_received: 20 });
    expect(call.heard()).toHaveLength(4000 * 48);
  });

  test("[M90] and drops once more: its token is as good as it was, and its former resume is nobody's", () => {
    const { call, token } = uploading();
    for (let tries = 0; tries < 2; tries += 1) {
      call.connect("duplex.v1");
      resume(call, token);
      drop(call);
    }
    call.connect("duplex.v1");
    call.advance(100);
    expect(call.types()).toEqual([]);
    resume(call, token);
    expect(call.types()).not.toContain("session.created");
    expect(call.types()).not.toContain("error");
    expect(call.last("session.resumed")).toMatchObject({ verdict: "resumed", last_received: 20 });
  });

  test("[M90] [Y57] its verdict is not heard by what waits", () => {
    const { call, token } = uploading();
    call.connect("duplex.v1");
    resume(call, token);
    const bytes = new Uint8Array(voice(200).buffer);
    for (let sequence = 21; sequence <= 40; sequence += 1)
      call.client(writeFrame({ kind: FRAME_AUDIO, stream: 0, response: 0, sequence }, bytes));
    drop(call);
    call.connect("duplex.v1");
    resume(call, token);
    call.advance(100);
    expect(call.last("session.resumed")).toMatchObject({ verdict: "resumed", last_received: 40 });
  });
});
