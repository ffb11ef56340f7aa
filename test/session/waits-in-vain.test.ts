/** What waits for a connection and is of no use any more when it comes: it is not sent, and takes no room. */
import { describe, expect, test } from "vitest";

import { Call, type CallOptions } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const EAGER = { relay: { eager_ms: 150 } };
const MANUAL = { audio: { input: { turn_detection: null } } };
const FIRST = voice(900, 24_000, 3);
const SECOND = voice(900, 24_000, 4);
/** The caller pauses for long enough to be answered in advance, and goes on. */
const HALF = concat(silence(600), FIRST, silence(300));
const REST = concat(SECOND, silence(900));

/** Its upstreams are being dialled. */
function dialling(options: CallOptions): Call {
  const call = new Call({ connect: false, ...options });
  call.connect("duplex.v1");
  return call;
}

const bytesOf = (samples: Int16Array) => new Uint8Array(samples.slice().buffer);
const waiting = (call: Call) => call.session.snapshot().links[0]?.current?.backlog;
const lost = (call: Call) => call.types().filter((type) => type === "relay.audio_dropped");

describe("a half turn that is taken back while its upstream is dialled", () => {
  test("[L222] is not sent, nor its ask: the upstream hears the whole turn once, and is asked once", () => {
    const call = dialling({ session: EAGER });
    call.speak(HALF);
    expect(waiting(call)?.commands.map(({ type }) => type)).toContain("respond");
    call.speak(REST);
    const plain = dialling({});
    plain.speak(concat(HALF, REST));
    for (const each of [call, plain]) each.accept("up0.1");
    expect(call.commandTypes()).toEqual(["greet", "audio", "commit", "respond"]);
    const once = plain.heard();
    // The half turn ends where its silence was long enough, the whole one where it is over.
    expect(call.heard()).toEqual(once.subarray(0, call.heard().length));
    expect(Buffer.from(call.heard()).includes(bytesOf(SECOND))).toBe(true);
  });

  test("[L222] leaves nothing that is counted as waiting", () => {
    const call = dialling({ session: EAGER });
    call.speak(concat(HALF, SECOND.subarray(0, 9600)));
    const plain = dialling({});
    plain.speak(concat(HALF, SECOND.subarray(0, 9600)));
    const [left, without] = [waiting(call), waiting(plain)];
    expect(left?.commands.map(({ type }) => type)).not.toContain("commit");
    expect(left?.unsentBytes).toBe(without?.unsentBytes);
    expect(left?.unsentBytes).toBeGreaterThan(0);
  });

  test("[L222] takes the place of nothing: no word of the whole turn is lost for it, and none told as lost", () => {
    // The whole turn and nothing else.
    const call = dialling({ session: EAGER, limits: { backlogBytes: 48 * 3200 } });
    call.speak(concat(HALF, REST));
    call.accept("up0.1");
    expect(lost(call)).toEqual([]);
    expect(Buffer.from(call.heard()).includes(bytesOf(FIRST))).toBe(true);
  });

  test("[L223] a shadow that is dialled is not asked for its answer either", () => {
    const options = { adapter: "wire" };
    const upstreams = [
      { name: "voice", options },
      { name: "candidate", options, role: "shadow" },
    ] as const;
    const call = dialling({ session: EAGER, upstreams });
    call.speak(concat(HALF, REST));
    call.accept("up1.1");
    expect(call.commandTypes("up1.1")).toEqual(["greet", "audio", "commit", "respond"]);
  });
});

describe("what a client takes back while its upstream is dialled", () => {
  const commit = (call: Call, said: Int16Array): string => {
    call.speak(said);
    call.client({ type: "input_audio_buffer.commit" });
    return String(call.last("input_audio_buffer.committed")["item_id"]);
  };

  test("[L222] a buffer that it clears is not sent, nor told as lost for the next one's sake", () => {
    const call = dialling({ session: MANUAL, limits: { backlogBytes: 48 * 1000 } });
    call.speak(FIRST);
    call.client({ type: "input_audio_buffer.clear" });
    commit(call, SECOND);
    call.accept("up0.1");
    expect(call.heard()).toEqual(bytesOf(SECOND));
    expect(lost(call)).toEqual([]);
  });

  test("[L222] a turn that it deletes is not sent, and the turns on both sides of it are", () => {
    const call = dialling({ session: MANUAL });
    const before = commit(call, FIRST);
    const deleted = commit(call, voice(500, 24_000, 5));
    const after = commit(call, SECOND);
    call.client({ type: "conversation.item.delete", item_id: deleted });
    call.client({ type: "response.create" });
    call.accept("up0.1");
    expect(call.commandTypes()).toEqual(["greet", "audio", "commit", "audio", "commit", "respond"]);
    const names = call.commands().flatMap((one) => (one.type === "commit" ? [one.itemId] : []));
    expect(names).toEqual([before, after]);
    expect(call.heard()).toEqual(bytesOf(concat(FIRST, SECOND)));
  });

  test("[L222] a turn that an answer was asked about is sent for it, and deleted behind it", () => {
    const call = dialling({ session: MANUAL });
    const item_id = commit(call, FIRST);
    call.client({ type: "response.create" });
    call.client({ type: "conversation.item.delete", item_id });
    call.accept("up0.1");
    expect(call.commandTypes()).toEqual(["greet", "audio", "commit", "respond", "delete"]);
  });

  test("[L222] a turn that an item was placed after is sent", () => {
    const call = dialling({ session: MANUAL });
    const item_id = commit(call, FIRST);
    commit(call, SECOND);
    const item = { type: "message", role: "user", content: [{ type: "input_text", text: "between" }] };
    call.client({ type: "conversation.item.create", previous_item_id: item_id, item });
    call.client({ type: "conversation.item.delete", item_id });
    call.accept("up0.1");
    expect(call.commandTypes().at(-1)).toBe("delete");
    expect(call.commandTypes().filter((type) => type === "commit")).toHaveLength(2);
  });

  test("[L222] an upstream that hears everything hears it all the same", () => {
    const upstreams = [{ name: "wire", options: { adapter: "wire", settings: { turns: "server" } } }];
    const call = dialling({ session: MANUAL, upstreams });
    call.speak(FIRST);
    call.client({ type: "input_audio_buffer.clear" });
    commit(call, SECOND);
    call.accept("up0.1");
    expect(call.heard()).toEqual(bytesOf(concat(FIRST, SECOND)));
  });

  test("[L223] an answer that is cancelled is not asked for, and the next one waits for no end of it", () => {
    const limits = { cancelMs: 1000, stallMs: 1000, firstOutputMs: 8000 };
    const call = dialling({ session: MANUAL, limits });
    call.client({ type: "response.create" });
    call.client({ type: "response.cancel" });
    expect(call.last("response.done")["response"]).toMatchObject({ status: "cancelled" });
    call.client({ type: "response.create" });
    call.accept("up0.1");
    expect(call.commandTypes()).toEqual(["greet", "respond"]);
    call.advance(5000);
    call.answer(voice(200));
    call.advance(500);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
    expect(call.types()).not.toContain("error");
  });
});
