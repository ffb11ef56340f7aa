/**
 * Agents of ElevenLabs and Deepgram, OpenAI's Live API and vLLM-Omni's duplex sessions, hostile and honest: they take turns, are told of them or know none, and
 * speak in base64 or in bytes.
 */
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { objectAt, textAt } from "../../src/upstreams/json.ts";
import type { UpstreamOptions, WireMessage } from "../../src/upstreams/upstream.ts";
import type { Random } from "../sim/random.ts";
import { hostileName, hostileNumber, hostileText, loose, type Loose, type LooseObject } from "./hostile.ts";
import { LIVE, saysLive } from "./live.ts";
import { mutate } from "./mutate.ts";
import { SECRET } from "./provider-grammar.ts";
import { quoteIn, spellKey } from "./quote.ts";
import { sound } from "./sounds.ts";
import { bytes } from "./spell.ts";
import { saysDuplex, VLLM_DUPLEX } from "./vllm-duplex.ts";

const MOST_DUE = 60;
const MOST_SAID = 16;

export type AgentName = "elevenlabs-agents" | "deepgram-agent" | "openai-live" | "vllm-omni-duplex";

export function agentOptions(adapter: AgentName, random: Random): UpstreamOptions {
  if (adapter === "openai-live") {
    const delegation = { type: "responses", responses: { model: "gpt-5.5" } };
    const headers = { Authorization: `Bearer ${SECRET}` };
    return { adapter, headers, settings: random.chance(0.5) ? { delegation } : {} };
  }
  if (adapter === "vllm-omni-duplex") {
    const url = "wss://duplex.example/duplex/realtime";
    return { adapter, url, model: "MiniCPM-o-4_5", headers: { Authorization: `Bearer ${SECRET}` } };
  }
  return adapter === "elevenlabs-agents"
    ? {
        adapter,
        model: "agent_7101",
        headers: { "xi-api-key": SECRET },
        settings: random.chance(0.5) ? { overrides: ["instructions", "text"] } : {},
      }
    : {
        adapter,
        headers: { Authorization: `Token ${SECRET}` },
        settings: random.chance(0.4) ? { turns: "server" } : {},
      };
}

/** What both providers' wires have in common: how they say what happens in a call. */
interface Wire {
  hello(): LooseObject;
  /** Whether the agent is to answer. */
  asks(event: JsonObject): boolean;
  answer(random: Random): Said[];
  /** Anything at any time. */
  any(random: Random): Said;
  /** Members of a complaint. */
  readonly faults: readonly [of: string | null, members: readonly string[]];
}
type Said = LooseObject | Uint8Array;

const id = (random: Random): Loose => (random.chance(0.2) ? hostileNumber(random) : random.int(0, 9));
const words = (random: Random): string =>
  random.pick(["Good day.", "And then there was more of it.", "", hostileText(random)]);
const callId = (random: Random): string => random.pick(["call_0", "call_same", hostileName(random)]);
const callName = (random: Random): string => random.pick(["get_weather", hostileName(random)]);

function elevenLabsAudio(random: Random): LooseObject {
  const alignment = random.chance(0.3) ? { alignment: { chars: Array.from(words(random)) } } : {};
  return { type: "audio", audio_event: { audio_base_64: sound(random), event_id: id(random), ...alignment } };
}

function elevenLabsWords(random: Random): LooseObject {
  return {
    type: "agent_response",
    agent_response_event: { agent_response: words(random), event_id: id(random) },
  };
}

function elevenLabsCall(random: Random): LooseObject {
  const parameters = random.pick<Loose>([{ place: "Oslo" }, {}, null, "{}"]);
  const call = {
    tool_name: callName(random),
    tool_call_id: callId(random),
    parameters,
    event_id: id(random),
  };
  return { type: "client_tool_call", client_tool_call: call };
}

const ELEVENLABS_ANY: readonly ((random: Random) => LooseObject)[] = [
  elevenLabsAudio,
  elevenLabsWords,
  elevenLabsCall,
  (random) => ({
    type: "conversation_initiation_metadata",
    conversation_initiation_metadata_event: {
      agent_output_audio_format: random.pick(["pcm_16000", "pcm_44100", "ulaw_8000", hostileName(random)]),
      user_input_audio_format: random.pick(["pcm_16000", "pcm_8000", "ulaw_8000"]),
    },
  }),
  (random) => ({ type: "ping", ping_event: { event_id: id(random), ping_ms: null } }),
  (random) => ({
    type: random.pick(["user_transcript", "tentative_user_transcript"]),
    user_transcription_event: { user_transcript: words(random), event_id: id(random) },
  }),
  (random) => ({ type: "interruption", interruption_event: { event_id: id(random) } }),
  (random) => ({ type: "agent_response_complete", agent_response_complete_event: { event_id: id(random) } }),
  (random) => ({
    type: "agent_chat_response_part",
    text_response_part: {
      type: random.pick(["start", "delta", "stop"]),
      text: words(random),
      event_id: id(random),
    },
  }),
  (random) => ({ type: hostileName(random) }),
  (random) => ({
    type: "error",
    error_event: {
      code: 1011,
      error_type: random.pick([
        "llm_timeout",
        "mcp_tool_error",
        "max_duration_exceeded",
        hostileName(random),
      ]),
      message: "Something went wrong.",
    },
  }),
];

const ELEVENLABS: Wire = {
  hello: () => ({
    type: "conversation_initiation_metadata",
    conversation_initiation_metadata_event: {
      conversation_id: "conv_1",
      agent_output_audio_format: "pcm_24000",
      user_input_audio_format: "pcm_16000",
    },
  }),
  asks: ({ type }) => type === "user_message" || type === "client_tool_result",
  answer: (random) => [
    ...Array.from({ length: random.int(1, 4) }, () =>
      random.pick([elevenLabsAudio, elevenLabsAudio, elevenLabsWords])(random),
    ),
    ...(random.chance(0.2) ? [elevenLabsCall(random)] : []),
    ...(random.chance(0.7) ? [{ type: "agent_response_complete" }] : []),
  ],
  any: (random) => random.pick(ELEVENLABS_ANY)(random),
  faults: ["error_event", ["message", "error_type"]],
};

function deepgramAudio(random: Random): Uint8Array {
  return Uint8Array.fromBase64(sound(random));
}

function deepgramWords(random: Random): LooseObject {
  return { type: "ConversationText", role: random.pick(["user", "assistant"]), content: words(random) };
}

function deepgramCall(random: Random): LooseObject {
  const functions = Array.from({ length: random.int(1, 3) }, () => ({
    id: callId(random),
    name: callName(random),
    arguments: random.pick(['{"place":"Oslo"}', "{}", "", hostileText(random)]),
    client_side: random.chance(0.8),
  }));
  return {
    type: random.pick(["FunctionCallRequest", "FunctionCallRequest", "FunctionCallCancelled"]),
    functions,
  };
}

const DEEPGRAM_ANY: readonly ((random: Random) => Said)[] = [
  deepgramAudio,
  deepgramWords,
  deepgramCall,
  (random) => ({
    type: random.pick([
      "SettingsApplied",
      "UserStartedSpeaking",
      "AgentAudioDone",
      "ThinkUpdated",
      "Welcome",
    ]),
  }),
  (random) => ({ type: "InjectionRefused", message: words(random) }),
  (random) => ({ type: hostileName(random) }),
  (random) => ({
    type: random.pick(["Warning", "Warning", "Warning", "Error"]),
    code: random.pick(["PROMPT_TOO_LONG", "CLIENT_MESSAGE_TIMEOUT", hostileName(random)]),
    description: "Something went wrong.",
  }),
];

const DEEPGRAM: Wire = {
  hello: () => ({ type: "SettingsApplied" }),
  asks: ({ type }) =>
    type === "ForceEndTurn" || type === "InjectUserMessage" || type === "FunctionCallResponse",
  answer: (random) => [
    ...Array.from({ length: random.int(1, 4) }, () =>
      random.pick([deepgramAudio, deepgramAudio, deepgramWords])(random),
    ),
    ...(random.chance(0.2) ? [deepgramCall(random)] : []),
    ...(random.chance(0.8) ? [{ type: "AgentAudioDone" }] : []),
  ],
  any: (random) => random.pick(DEEPGRAM_ANY)(random),
  faults: [null, ["description", "code"]],
};

const WIRES: Readonly<Record<AgentName, Wire>> = {
  "elevenlabs-agents": ELEVENLABS,
  "deepgram-agent": DEEPGRAM,
  "openai-live": LIVE,
  "vllm-omni-duplex": VLLM_DUPLEX,
};

const SOUNDS = /^\{"(?:user_audio_chunk"|type":"(?:session\.input_audio|input_audio_buffer)\.append")/;

function read(data: WireMessage): JsonObject | null {
  return typeof data === "string" && !SOUNDS.test(data) ? parseJsonObject(data) : null;
}

export class HostileAgent {
  readonly #wire: Wire;
  readonly #due: Said[];
  readonly #said: (string | Uint8Array)[] = [];
  #asked = 0;

  constructor(adapter: AgentName) {
    this.#wire = WIRES[adapter];
    this.#due = [this.#wire.hello()];
  }

  receive(data: WireMessage): void {
    const event = read(data);
    if (event !== null && this.#wire.asks(event)) this.#asked = Math.min(this.#asked + 1, 8);
  }

  say(random: Random, hostility: number): string | Uint8Array {
    if (random.chance(0.02 * hostility)) return bytes(random);
    if (this.#said.length > 0 && random.chance(0.06 * hostility)) return random.pick(this.#said);
    const event = this.#next(random, hostility);
    if (event instanceof Uint8Array) return event;
    if (random.chance(0.35 * hostility)) mutate(event, random, ["call_0", "call_same"]);
    const [of, members] = this.#wire.faults;
    quoteIn(of === null ? event : event[of], members, random);
    const message = spellKey(event, random, 0.08 * hostility);
    this.#said.push(message);
    if (this.#said.length > MOST_SAID) this.#said.shift();
    return message;
  }

  #next(random: Random, hostility: number): Said {
    if (this.#asked > 0 && this.#due.length < MOST_DUE) {
      this.#asked -= 1;
      this.#due.push(...this.#wire.answer(random));
    }
    if (this.#due.length === 0 || random.chance(0.3 * hostility)) return this.#wire.any(random);
    const at = random.chance(0.1 * hostility) ? random.int(0, this.#due.length - 1) : 0;
    const [event = {}] = this.#due.splice(at, 1);
    return event instanceof Uint8Array ? event : (loose(event) as LooseObject);
  }
}

const SOUND = new Uint8Array(new Int16Array(2_400).fill(3_000).buffer);
const SAID = "I am here.";
/** Silence after which one that takes the turns has heard one: so many messages of sound. */
const TURN_CHUNKS = 40;

/** Answers what it is asked, and what was said where it takes the turns. */
export class HonestAgent {
  readonly #adapter: AgentName;
  #typed = false;
  #serves: boolean;
  #chunks = 0;
  #eventId = 0;

  constructor(adapter: AgentName) {
    this.#adapter = adapter;
    this.#serves = adapter === "elevenlabs-agents";
  }

  opened(): readonly WireMessage[] {
    return this.#adapter === "deepgram-agent" ? ['{"type":"Welcome","request_id":"1"}'] : [];
  }

  receive(data: WireMessage): readonly WireMessage[] {
    const event = read(data);
    if (event === null) return this.#heard();
    const type = textAt(event, "type");
    if (this.#adapter === "vllm-omni-duplex" && VLLM_DUPLEX.opens(type))
      return [JSON.stringify(VLLM_DUPLEX.hello())];
    if (type === "session.start") return [JSON.stringify(LIVE.hello())];
    if (type === "Settings") {
      this.#serves = !JSON.stringify(event).includes('"eot_threshold":1');
      return ['{"type":"SettingsApplied"}'];
    }
    if (type === "conversation_initiation_client_data") {
      const override = objectAt(objectAt(event, "conversation_config_override"), "conversation");
      this.#typed = override?.["text_only"] === true;
      return [JSON.stringify(ELEVENLABS.hello())];
    }
    return WIRES[this.#adapter].asks(event) ? this.#answer() : [];
  }

  #heard(): readonly WireMessage[] {
    this.#chunks += 1;
    if (!this.#serves || this.#chunks % TURN_CHUNKS !== 0) return [];
    if (this.#adapter === "deepgram-agent")
      return [
        '{"type":"UserStartedSpeaking"}',
        '{"type":"ConversationText","role":"user","content":"Hello."}',
        ...this.#answer(),
      ];
    this.#eventId += 1;
    const user_transcription_event = { user_transcript: "Hello.", event_id: this.#eventId };
    return [JSON.stringify({ type: "user_transcript", user_transcription_event }), ...this.#answer()];
  }

  #answer(): readonly WireMessage[] {
    if (this.#adapter === "openai-live") return saysLive(SOUND, SAID);
    if (this.#adapter === "deepgram-agent")
      return [
        JSON.stringify({ type: "ConversationText", role: "assistant", content: SAID }),
        SOUND,
        '{"type":"AgentAudioDone"}',
      ];
    const event_id = (this.#eventId += 1);
    if (this.#adapter === "vllm-omni-duplex") return saysDuplex(SOUND, SAID, event_id);
    const audio_event = { audio_base_64: SOUND.toBase64(), event_id };
    return [
      JSON.stringify({ type: "agent_response", agent_response_event: { agent_response: SAID, event_id } }),
      ...(this.#typed ? [] : [JSON.stringify({ type: "audio", audio_event })]),
      '{"type":"agent_response_complete"}',
    ];
  }
}
