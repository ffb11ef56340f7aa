/** A cascade in a session whose stages fall silent, one after the other: no call waits for a stage for ever. */
import { expect, test } from "vitest";

import type { Action } from "../../src/session/io.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import { CASCADE, chunk, DONE } from "../upstreams/cascade/scripted-stages.ts";
import { Call } from "../support/call.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const CONNECTED = '{"type":"Connected","request_id":"r","sequence_id":0}';

class CascadeCall extends Call {
  constructor() {
    super({ connect: false, createUpstream, upstreams: [{ name: "cascade", options: CASCADE }] });
    this.connect("realtime");
    this.ready("up0.1");
    this.client({
      type: "conversation.item.create",
      item: { type: "message", role: "user", content: [{ type: "input_text", text: "Hello." }] },
    });
    this.client({ type: "response.create" });
  }

  ready(peer: string): void {
    this.input({ type: "open", peer });
    this.input({ type: "message", peer, data: CONNECTED });
  }

  /** Peers of a stage, in the order in which they were dialled. */
  dialled(stage: string): readonly string[] {
    const dials = this.actions.filter(
      (action): action is Extract<Action, { type: "dial" }> => action.type === "dial",
    );
    return dials.map(({ peer }) => peer).filter((peer) => peer.includes(`/${stage}.`));
  }

  head(stage: string, type: string): string {
    const peer = this.dialled(stage).at(-1) ?? "";
    this.input({ type: "open", peer, head: { status: 200, type } });
    return peer;
  }

  write(text: string): void {
    const peer = this.head("text", "text/event-stream");
    this.input({ type: "message", peer, data: bytes(chunk({ content: text })) });
    this.input({ type: "message", peer, data: bytes(chunk({}, "stop") + DONE) });
  }

  /** A response is whole. */
  whole(peer: string): void {
    this.open.delete(peer);
    this.input({ type: "close", peer, code: 1000, reason: "" });
  }

  get failure(): unknown {
    return this.last("response.done")["response"];
  }
}

test("[U119] a text model that never answers is asked twice, and the answer fails by the clock", () => {
  const call = new CascadeCall();
  expect(call.dialled("text")).toHaveLength(1);
  call.advance(14_999);
  expect(call.dialled("text")).toHaveLength(1);
  call.advance(1);
  expect(call.dialled("text")).toHaveLength(2);
  call.advance(15_000);
  expect(call.failure).toMatchObject({
    status: "failed",
    status_details: { error: { code: "upstream_timeout" } },
  });
  expect(call.open).toEqual(new Set(["client", "up0.1"]));
});

test("[U112] a stream of text that stands still is the loss of the connection, and the answer goes on on the next", () => {
  const call = new CascadeCall();
  const peer = call.head("text", "text/event-stream");
  call.input({ type: "message", peer, data: bytes(chunk({ content: "One. Two" })) });
  const speech = call.head("speech", "audio/pcm");
  call.input({ type: "message", peer: speech, data: new Uint8Array(48_000).fill(9) });
  call.whole(speech);
  call.advance(20_000);
  expect(call.failure).toMatchObject({ status: "failed" });
  expect([...call.open]).toEqual(["client"]);
  // It is dialled again with the backoff of any connection.
  call.advance(250);
  const next = call.actions.findLast((action) => action.type === "dial");
  expect(next).toMatchObject({ peer: "up0.2" });
  call.ready("up0.2");
  expect(call.dialled("text").at(-1)).toMatch(/^up0\.2/);
});

test("[U119] a synthesiser that never answers is asked twice for its sentence, and no word of it was said", () => {
  const call = new CascadeCall();
  call.write("Hello there.");
  call.advance(15_000);
  expect(call.dialled("speech")).toHaveLength(2);
  call.advance(15_000);
  expect(call.failure).toMatchObject({ status: "failed" });
  expect(call.types()).not.toContain("response.output_audio_transcript.delta");
  call.client({ type: "response.create" });
  call.write("Better.");
  const speech = call.head("speech", "audio/pcm");
  call.input({ type: "message", peer: speech, data: new Uint8Array(4800) });
  call.whole(speech);
  call.advance(1000);
  expect(call.failure).toMatchObject({ status: "completed" });
});

test("[U111] cancelling asks nothing more of any stage, and the session ends all of them at its end", () => {
  const call = new CascadeCall();
  call.write("Hello there. How are you?");
  const speech = call.head("speech", "audio/pcm");
  call.client({ type: "response.cancel" });
  expect(call.open.has(speech)).toBe(false);
  call.advance(10);
  expect(call.failure).toMatchObject({ status: "cancelled" });
  call.client({ type: "response.create" });
  expect(call.open.size).toBe(3);
  call.session.terminate(call.now).forEach((action) => {
    if (action.type === "close") call.open.delete(action.peer);
  });
  expect([...call.open].filter((peer) => peer !== "client")).toEqual([]);
});
