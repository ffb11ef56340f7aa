/** OpenAI's Live API, hostile and honest: one track of sound with silence in it, tasks, and a model behind. */
import type { Random } from "../sim/random.ts";
import { hostileName, hostileNumber, hostileText, type LooseObject } from "./hostile.ts";
import { sound } from "./sounds.ts";

const words = (random: Random): string =>
  random.pick(["Good day.", " And then there was more of it.", "", hostileText(random)]);
const callId = (random: Random): string => random.pick(["call_0", "call_same", hostileName(random)]);
const SILENCE = new Uint8Array(4800).toBase64();

function audio(random: Random): LooseObject {
  const delta = random.chance(0.4) ? SILENCE : sound(random);
  return { type: "session.output_audio.delta", delta };
}

function transcript(random: Random): LooseObject {
  const type = random.pick(["session.output_transcript.delta", "session.input_transcript.delta"]);
  const at = random.chance(0.2) ? hostileNumber(random) : random.int(0, 60_000);
  return { type, delta: words(random), start_ms: at, end_ms: at };
}

function task(random: Random): LooseObject {
  const target = random.pick(["client", "client", "responses", hostileName(random)]);
  return {
    type: "session.delegation.created",
    delegation: { id: callId(random), type: "delegation", target },
  };
}

function behind(random: Random): LooseObject {
  const item = {
    type: random.pick(["function_call", "message"]),
    name: random.pick(["get_weather", hostileName(random)]),
    call_id: callId(random),
    arguments: random.pick(['{"place":"Oslo"}', "{}", "", hostileText(random)]),
  };
  const usage = { input_tokens: hostileNumber(random), output_tokens: random.int(0, 9) };
  const type = random.pick(["response.output_item.done", "response.completed", "response.failed"]);
  const error = { code: "server_error", message: "Something went wrong." };
  return { type: "response.event", event: { type, item, response: { usage, error } } };
}

const ANY: readonly ((random: Random) => LooseObject)[] = [
  audio,
  audio,
  transcript,
  task,
  behind,
  (random) => ({ type: "session.usage.updated", usage: { seconds: hostileNumber(random) } }),
  (random) => ({
    type: "session.started",
    session: { audio: { format: { type: random.pick(["audio/pcm", "audio/pcmu"]), rate: 16_000 } } },
  }),
  (random) => ({ type: random.pick(["decision.event", "info", hostileName(random)]) }),
  (random) => ({
    type: "error",
    error: {
      code: random.pick(["rate_limit_exceeded", "invalid_value", hostileName(random)]),
      message: "Something went wrong.",
      client_event_id: random.pick(["relay_item_1", "relay_respond_2", hostileName(random)]),
    },
  }),
  (random) => ({ type: random.chance(0.2) ? "session.closed" : "info", reason: "expired" }),
];

const STARTED = {
  type: "session.started",
  session: { id: "live_1", audio: { format: { type: "audio/pcm", rate: 24_000 } } },
};

export const LIVE = {
  hello: (): LooseObject => structuredClone(STARTED),
  asks: ({ type }: { readonly type?: unknown }): boolean =>
    type === "session.instructions.append" ||
    type === "session.commentary.append" ||
    type === "response.create",
  answer: (random: Random): LooseObject[] => [
    ...Array.from({ length: random.int(1, 4) }, () => random.pick([audio, audio, transcript])(random)),
    ...(random.chance(0.2) ? [random.pick([task, behind])(random)] : []),
    ...(random.chance(0.7)
      ? Array.from({ length: 9 }, () => ({ type: "session.output_audio.delta", delta: SILENCE }))
      : []),
  ],
  any: (random: Random): LooseObject => random.pick(ANY)(random),
  faults: ["error", ["message", "code"]] as [string, string[]],
};

/** Says that it is there when it is asked: with a pause after it, for that is the end. */
export function saysLive(loud: Uint8Array, said: string): readonly string[] {
  return [
    JSON.stringify({ type: "session.output_audio.delta", delta: loud.toBase64() }),
    JSON.stringify({ type: "session.output_transcript.delta", delta: said, start_ms: 0, end_ms: 200 }),
    ...Array.from({ length: 9 }, () =>
      JSON.stringify({ type: "session.output_audio.delta", delta: SILENCE }),
    ),
  ];
}
