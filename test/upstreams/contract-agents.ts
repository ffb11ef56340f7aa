/** Agents of providers that take part in the contract suite: what they are led through, and what they may be sent. */
import * as fc from "fast-check";

import { createUpstream } from "../../src/upstreams/index.ts";
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import type { ContractServer, ContractSubject } from "./contract.ts";
import { ScriptedDeepgramAgent } from "./scripted-deepgram-agent.ts";
import { ScriptedElevenLabs } from "./scripted-elevenlabs.ts";

const names = fc.constantFrom("a_1", "b_1", "voice", "");
const words = fc.oneof(fc.constantFrom("AQID", "A", "delta", "{}"), fc.string());
const ids = fc.oneof(fc.nat(6), fc.constantFrom("3", "x", null, -1, 1.5));
const someOf = <T>(model: Record<string, fc.Arbitrary<T>>) => fc.record(model, { requiredKeys: [] });

/** Every message there is, with members that are there or not, of the right type or not. */
const hostileElevenLabs: fc.Arbitrary<string> = fc
  .record(
    {
      type: fc.constantFrom(
        "conversation_initiation_metadata",
        "ping",
        "audio",
        "agent_response",
        "agent_response_correction",
        "agent_chat_response_part",
        "agent_response_complete",
        "user_transcript",
        "tentative_user_transcript",
        "interruption",
        "client_tool_call",
        "error",
      ),
      conversation_initiation_metadata_event: fc.oneof(words, someOf({ agent_output_audio_format: words })),
      ping_event: fc.oneof(words, someOf({ event_id: ids })),
      audio_event: fc.oneof(
        words,
        fc.record({
          audio_base_64: words,
          event_id: ids,
          alignment: fc.oneof(words, fc.record({ chars: fc.array(words) })),
        }),
      ),
      agent_response_event: fc.oneof(words, fc.record({ agent_response: words, event_id: ids })),
      text_response_part: fc.oneof(words, fc.record({ type: words, text: words })),
      user_transcription_event: fc.oneof(words, fc.record({ user_transcript: words, event_id: ids })),
      interruption_event: fc.oneof(words, fc.record({ event_id: ids })),
      client_tool_call: fc.oneof(
        words,
        fc.record({
          tool_name: names,
          tool_call_id: names,
          parameters: fc.oneof(words, fc.dictionary(words, words)),
        }),
      ),
      error_event: fc.oneof(
        words,
        fc.record({ error_type: fc.constantFrom("llm_error", "override_error", "x"), message: words }),
      ),
    },
    { requiredKeys: ["type"] },
  )
  .map((event) => JSON.stringify(event));

class ElevenLabsContractServer extends ScriptedElevenLabs implements ContractServer {
  readonly novelty = '{"type":"telepathy","telepathy_event":{"delta":"?"}}';
  readonly hostile = hostileElevenLabs;

  answer = (sizes: readonly number[]): WireMessage[] => {
    this.eventId += 1;
    const heard = Uint8Array.from(this.heard.splice(0));
    return [this.words("What you said."), ...this.audio(heard, sizes), this.complete()];
  };

  begin = (): { response: string; messages: WireMessage[] } => ({
    response: "",
    messages: this.audio(new Uint8Array(2), [2]),
  });

  endCancelled = (): WireMessage[] => [this.complete()];

  complain = (kind: string): string => this.error(kind);

  callTool = (name: string, id: string, args: string): WireMessage[] => [
    this.toolCall(name, id, JSON.parse(args)),
  ];

  flood(n: number): WireMessage[] {
    const long = "x".repeat(100);
    return [
      this.transcript(long),
      this.words(long),
      ...this.audio(new Uint8Array(3), [3]),
      ...(n % 5 === 0 ? [] : [this.toolCall(long, `${long}_${n}`, {})]),
    ];
  }

  truncations(): number[] {
    return [];
  }
}

export const elevenLabs: ContractSubject = {
  name: "elevenlabs-agents",
  create: () =>
    createUpstream({ adapter: "elevenlabs-agents", model: "agent_1", url: "wss://provider.example/agents" }),
  server: () => new ElevenLabsContractServer(),
};

const called = fc.record({ id: names, name: names, arguments: words, client_side: fc.boolean() });
const hostileDeepgram: fc.Arbitrary<string> = fc
  .record(
    {
      type: fc.constantFrom(
        "SettingsApplied",
        "ConversationText",
        "UserStartedSpeaking",
        "AgentAudioDone",
        "AgentThinking",
        "FunctionCallRequest",
        "FunctionCallCancelled",
        "InjectionRefused",
        "ThinkUpdated",
        "Warning",
      ),
      role: fc.constantFrom("user", "assistant", 1),
      content: fc.oneof(words, fc.integer()),
      functions: fc.oneof(words, fc.array(fc.oneof(called, words), { maxLength: 3 })),
      message: words,
      code: words,
      description: words,
    },
    { requiredKeys: ["type"] },
  )
  .map((event) => JSON.stringify(event));

class DeepgramContractServer extends ScriptedDeepgramAgent implements ContractServer {
  readonly novelty = '{"type":"Telepathy","delta":"?"}';
  readonly hostile = hostileDeepgram;

  answer = (sizes: readonly number[]): WireMessage[] => {
    const heard = this.turns.shift() ?? Uint8Array.from(this.heard.splice(0));
    return [this.agent("What you said."), ...this.audio(heard, sizes), this.done()];
  };

  begin = (): { response: string; messages: WireMessage[] } => ({
    response: "",
    messages: this.audio(new Uint8Array(2), [2]),
  });

  endCancelled = (): WireMessage[] => [this.done()];

  complain = (code: string): string => this.warning(code);

  callTool = (name: string, id: string, args: string): WireMessage[] => [this.call(name, id, args)];

  flood(n: number): WireMessage[] {
    const long = "x".repeat(100);
    return [
      this.user(long),
      this.agent(long),
      ...this.audio(new Uint8Array(3), [3]),
      ...(n % 5 === 0 ? [] : [this.call(long, `${long}_${n}`, "{}")]),
    ];
  }

  truncations(): number[] {
    return [];
  }
}

/** Whoever takes the turns. */
export const deepgram: readonly ContractSubject[] = ["client", "server"].map((turns) => ({
  name: `deepgram-agent (turns: ${turns})`,
  bytesAreSound: turns === "server",
  create: () =>
    createUpstream({ adapter: "deepgram-agent", url: "wss://provider.example/agent", settings: { turns } }),
  server: () => new DeepgramContractServer(),
}));
