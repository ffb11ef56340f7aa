/** Clients of vLLM-Omni's duplex sessions: what its `DuplexClient` says and waits for (its source, September 2026). */
import { expect, test } from "vitest";
import { negotiate } from "../../src/http/credentials.ts";
import { CLIENT } from "../../src/session/io.ts";
import { changed } from "../support/changed.ts";
import { Call } from "../support/call.ts";
import { seeded } from "../support/signal.ts";

/** As its client writes it when it is told nothing else. */
const SESSION = {
  model: "demo",
  modalities: ["audio", "text"],
  input_audio_format: "pcm16",
  output_audio_format: "pcm16",
  sample_rate_hz: 16_000,
  audio: { input: { sample_rate_hz: 16_000 }, output: { sample_rate_hz: 24_000 } },
  turn_detection: null,
  extra_body: { auto_response: true },
};

const UNIT = 6400;
const append = {
  type: "input_audio_buffer.append",
  audio: new Uint8Array(UNIT).fill(3).toBase64(),
  format: "pcm16",
  sample_rate_hz: 16_000,
  duration_ms: 200,
  audio_end_ms: 200,
};

function opened(session: object = {}, call = new Call({ dialect: "vllm-omni" })): Call {
  call.client({ type: "session.update", event_id: "evt_open", session: { ...SESSION, ...session } });
  return call;
}

const types = (call: Call) => call.commandTypes().filter((type) => type !== "audio");

test("[U242] a session is opened by its first update, flat as it is, and told once it holds", () => {
  const call = new Call({ dialect: "vllm-omni" });
  expect(call.types()).toEqual([]);
  opened({ instructions: "Be brief.", voice: "alloy", ref_audio: "AAAA", temperature: 0.7 }, call);
  expect(call.types()).toEqual(["session.created"]);
  const { session } = call.last("session.created") as unknown as { session: Record<string, unknown> };
  expect(session).toMatchObject({
    instructions: "Be brief.",
    output_modalities: ["audio"],
    audio: {
      input: { format: { type: "audio/pcm", rate: 16_000 }, turn_detection: null },
      output: { format: { type: "audio/pcm", rate: 24_000 }, voice: "alloy" },
    },
  });
  for (const theirs of ["ref_audio", "temperature", "extra_body", "modalities", "sample_rate_hz"])
    expect(session).not.toHaveProperty(theirs);
  call.client({ type: "session.update", session: { instructions: "Be long." } });
  expect(call.types()).toEqual(["session.created", "session.updated"]);
});

test("[U242] what cannot be is refused by name before it has a session", () => {
  const call = opened({ input_audio_format: "pcm_f32le" });
  expect(call.types()).toEqual(["error"]);
  expect(call.last("error")).toMatchObject({
    error: { param: "session.input_audio_format", event_id: "evt_open" },
  });
  opened({}, call);
  expect(call.types()).toEqual(["error", "session.created"]);
});

test("[U243] a commit is an ask, and what it says of 16 kHz is heard as that", () => {
  const call = opened();
  call.client(append);
  call.client({ type: "input_audio_buffer.commit", event_id: "evt_2", final: true });
  expect(types(call).slice(-2)).toEqual(["commit", "respond"]);
  // 200 ms at the upstream's 24 kHz.
  expect(Math.abs(call.heard().byteLength - 24 * 200 * 2)).toBeLessThan(24 * 2 * 5);
  call.answer(new Int16Array(24 * 300).fill(500));
  const { response } = call.last("response.created") as unknown as { response: { id: string } };
  expect(call.last("response.output_audio.delta")["response_id"]).toBe(response.id);
  expect(call.last("response.done")).toMatchObject({ response: { id: response.id, status: "completed" } });
  expect(call.types()).not.toContain("error");
});

test.each([
  [{ final: false }, true, []],
  [{ final: true, response_create: false }, true, ["commit"]],
  [{ final: true }, false, ["commit"]],
  [{ final: true, response_create: true }, false, ["commit", "respond"]],
])("[U243] of a commit %o, answered of itself: %s, come %o", (commit, answers, told) => {
  const call = opened({ extra_body: { auto_response: answers } });
  call.client(append);
  const before = types(call).length;
  call.client({ type: "input_audio_buffer.commit", ...commit });
  expect(types(call).slice(before)).toEqual(told);
});

test("[U244] what it says of numbers, of its life and of its player is no fault; it is not resumed; its end is the end", () => {
  const call = opened();
  call.client({ type: "session.heartbeat" });
  call.client({ type: "session.event_ack", server_event_seq: 3 });
  call.client({ type: "playback.ack", played_ms: 100, committed_ms: 100 });
  expect(call.types()).toEqual(["session.created"]);
  call.client({ type: "session.resume", session_id: "s", incarnation: 1, resume_token: "t" });
  expect(call.last("error")).toMatchObject({ error: { code: "unsupported_session_resume" } });
  call.client({ type: "session.close" });
  expect(call.open.has(CLIENT)).toBe(false);
});

test("[U244] after hibernation at every moment it is told the same, and what nobody understands breaks nothing", () => {
  const play = (between: (call: Call) => void): Call => {
    const call = new Call({ dialect: "vllm-omni" });
    between(call);
    opened({ extra_body: { auto_response: false } }, call);
    between(call);
    call.client(append);
    call.client({ type: "input_audio_buffer.commit", final: true });
    between(call);
    call.client({ type: "session.update", session: { instructions: "Be long." } });
    return call;
  };
  const whole = play(() => {});
  const torn = play((call) => call.hibernate());
  expect(torn.events).toEqual(whole.events);
  expect(torn.commandTypes()).toEqual(whole.commandTypes());
  const random = seeded(7);
  const call = opened();
  const said = [
    { type: "session.update", session: SESSION },
    { type: "input_audio_buffer.commit", final: true, response_create: true },
    { type: "session.resume", session_id: "s" },
  ];
  const values = [null, 1, -1, "", "text", [], {}, true, 16_000, "session.close", SESSION];
  for (let round = 0; round < 1000; round += 1)
    call.client(JSON.stringify(changed(said[round % said.length], values, random)));
  expect(call.types()).not.toContain("internal_error");
});

test.each([
  ["?duplex=1&model=demo&autostart=0", undefined, "vllm-omni"],
  ["?duplex=1&model=demo", "duplex.v1", "duplex.v1"],
  ["?duplex=0&model=demo", undefined, "realtime"],
])("[U242] a client of %s, subprotocol %s, speaks %s", (query, protocol, dialect) => {
  const headers = protocol === undefined ? {} : { "Sec-WebSocket-Protocol": protocol };
  expect(negotiate(new Request(`https://relay.example/v1/realtime${query}`, { headers })).dialect).toBe(
    dialect,
  );
});
