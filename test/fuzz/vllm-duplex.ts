/** Duplex sessions of vLLM-Omni, hostile and honest: OpenAI's events, numbered, with sessions that may be taken over. */
import type { Random } from "../sim/random.ts";
import { hostileName, hostileNumber, hostileText, type Loose, type LooseObject } from "./hostile.ts";
import { sound } from "./sounds.ts";

const words = (random: Random): string =>
  random.pick(["Good day.", " And then there was more of it.", "", hostileText(random)]);
const response = (random: Random): string => `resp_${random.int(0, 40)}`;
const numbered = (random: Random): Loose =>
  random.chance(0.7) ? random.int(0, 5000) : random.chance(0.5) ? hostileNumber(random) : null;

function at(random: Random, name = response(random)): LooseObject {
  const item = random.chance(0.9) ? `item_${name}` : hostileName(random);
  const seq = random.chance(0.3) ? { server_event_seq: numbered(random) } : {};
  return { response_id: name, item_id: item, output_index: 0, content_index: 0, ...seq };
}

function unit(random: Random, name?: string): LooseObject[] {
  const where = at(random, name);
  const rate = random.chance(0.9) ? 24_000 : hostileNumber(random);
  const format = random.chance(0.95) ? "pcm16" : hostileName(random);
  return [
    { type: "response.output_audio.delta", ...where, delta: sound(random), format, sample_rate_hz: rate },
    { type: "response.output_audio_transcript.delta", ...where, delta: words(random) },
  ];
}

const begin = (name: string): LooseObject => ({
  type: "response.created",
  response_id: name,
  response: { id: name, status: "in_progress", output: [] },
});

function end(random: Random, name: string): LooseObject {
  const status = random.pick(["completed", "completed", "cancelled", "failed", hostileName(random)]);
  const reason = random.pick(["stop", "barge_in", "client_cancelled", hostileName(random)]);
  return {
    type: "response.done",
    response_id: name,
    response: { id: name, status, status_details: { type: status, reason }, output: [] },
  };
}

function call(random: Random): LooseObject[] {
  const name = response(random);
  const item = {
    id: `item_${name}_call`,
    type: "function_call",
    name: random.pick(["get_weather", hostileName(random)]),
    call_id: random.pick(["call_0", "call_same", hostileName(random)]),
  };
  const args = random.pick(['{"place":"Oslo"}', "{}", "", hostileText(random)]);
  return [
    begin(name),
    { type: "response.output_item.added", response_id: name, item },
    { type: "response.function_call_arguments.done", response_id: name, item_id: item.id, arguments: args },
    end(random, name),
  ];
}

function whole(random: Random): LooseObject[] {
  const name = response(random);
  const units = Array.from({ length: random.int(1, 3) }, () => unit(random, name)).flat();
  return [begin(name), ...units, ...(random.chance(0.8) ? [end(random, name)] : [])];
}

const ENDS = ["session.closed", "session.expired", "session.replaced", "session.resync_required"];
const CODES = ["input_audio_buffer_empty", "instructions_update_unsupported", "session_resume_expired"];

const ANY: readonly ((random: Random) => LooseObject)[] = [
  (random) => random.pick(whole(random)),
  (random) => random.pick(unit(random)),
  (random) => random.pick(call(random)),
  (random) => end(random, response(random)),
  (random) => ({ type: "response.listen", ...(random.chance(0.3) ? { response_id: response(random) } : {}) }),
  (random) => ({ type: "overlap.decision", policy: "listen_only", action: hostileName(random) }),
  (random) => ({ type: random.pick(["input_audio_buffer.speech_started", hostileName(random)]) }),
  (random) => ({
    type: random.chance(0.2) ? random.pick(ENDS) : "session.heartbeat_ack",
    session_id: "sess_1",
    reason: "timeout",
  }),
  (random) => ({
    type: random.pick(["session.created", "session.resumed"]),
    session: { id: hostileName(random), capabilities: { supports_audio_truncate: random.chance(0.5) } },
    resume_token: hostileName(random),
  }),
  (random) => ({
    type: "error",
    error: {
      code: random.pick([...CODES, hostileName(random)]),
      message: "Something went wrong.",
      event_id: random.pick(["relay_item_1", "relay_respond_2", "relay_configure_3", hostileName(random)]),
    },
  }),
];

const CREATED: LooseObject = {
  type: "session.created",
  incarnation: 0,
  attachment_generation: 1,
  resume_token: "token_1",
  session: { id: "sess_1", capabilities: { supports_session_resume: true, supports_audio_truncate: true } },
};

export const VLLM_DUPLEX = {
  hello: (): LooseObject => structuredClone(CREATED),
  opens: (type: string | null): boolean => type === "session.update" || type === "session.resume",
  asks: ({ type }: { readonly type?: unknown }): boolean => type === "input_audio_buffer.commit",
  answer: (random: Random): LooseObject[] => (random.chance(0.2) ? call(random) : whole(random)),
  any: (random: Random): LooseObject => random.pick(ANY)(random),
  faults: ["error", ["message", "code"]] as [string, string[]],
};

/** Says that it is there when it is asked. */
export function saysDuplex(loud: Uint8Array, said: string, n: number): readonly string[] {
  const name = `resp_honest_${n}`;
  const where = { response_id: name, item_id: `item_${name}` };
  return [
    begin(name),
    { type: "response.output_audio.delta", ...where, delta: loud.toBase64(), format: "pcm16" },
    { type: "response.output_audio_transcript.delta", ...where, delta: said },
    {
      type: "response.done",
      response_id: name,
      response: { id: name, status: "completed", output: [] },
    },
  ].map((event) => JSON.stringify(event));
}
