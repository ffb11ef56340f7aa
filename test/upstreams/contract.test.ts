import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { adapterNames, createUpstream, UNASKED } from "../../src/upstreams/index.ts";
import { PROFILES, type ProfileName, type Quirks } from "../../src/upstreams/openai-compatible/profiles.ts";
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import { cascades } from "./cascade/contract-server.ts";
import { deepgram, elevenLabs } from "./contract-agents.ts";
import { live } from "./contract-live.ts";
import { moshi } from "./contract-moshi.ts";
import { type ContractServer, type ContractSubject, runContract } from "./contract.ts";
import { ScriptedGemini } from "./scripted-gemini.ts";
import { ScriptedOpenAi } from "./scripted-openai.ts";
import { vllmDuplex } from "./contract-vllm-duplex.ts";
import { PROVIDERS } from "./transcription-providers.ts";

const names = fc.constantFrom("a_1", "b_1", "c_1", "voice", "");
const words = fc.oneof(
  fc.constantFrom("delta", "AQID", "A", "completed", "cancelled", "{}", "in_progress"),
  fc.string(),
);
const item = fc.record(
  {
    id: names,
    type: fc.constantFrom("message", "function_call", "mcp_call"),
    role: fc.constantFrom("user", "assistant"),
    name: names,
    call_id: names,
    status: words,
    arguments: fc.oneof(words, fc.json(), fc.dictionary(words, words), fc.integer()),
    content: fc.array(
      fc.record({ type: fc.constantFrom("input_audio", "output_text", "output_audio"), text: words }),
    ),
  },
  { requiredKeys: [] },
);

/** Events of every type there is, with members that are there or not, of the right type or not. */
const hostileEvents: fc.Arbitrary<string> = fc
  .record(
    {
      type: fc.constantFrom(
        "session.created",
        "session.updated",
        "response.created",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_audio.delta",
        "response.audio.delta",
        "response.output_audio_transcript.delta",
        "response.output_audio_transcript.done",
        "response.output_text.delta",
        "response.content_part.added",
        "response.content_part.done",
        "response.mcp_call.completed",
        "mcp_list_tools.completed",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.done",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
        "conversation.item.input_audio_transcription.failed",
        "input_audio_buffer.committed",
        "input_audio_buffer.speech_started",
        "rate_limits.updated",
        "error",
      ),
      response_id: names,
      item_id: fc.oneof(names, fc.integer()),
      content_index: fc.oneof(fc.nat(20), fc.constantFrom(-1, "0", null)),
      output_index: fc.oneof(fc.nat(3), fc.constantFrom(-1, null)),
      part: fc.record({ type: fc.constantFrom("audio", "text", "video"), text: words }, { requiredKeys: [] }),
      call_id: names,
      name: names,
      delta: words,
      transcript: words,
      arguments: fc.oneof(words, fc.dictionary(words, words), fc.integer()),
      status: words,
      item,
      response: fc.record(
        {
          id: names,
          status: words,
          status_details: fc.oneof(
            fc.record({ reason: words, error: fc.record({ code: words, message: words }) }),
            fc.json(),
          ),
          metadata: fc.oneof(fc.record({ relay_response: fc.constantFrom("R1", "R2") }), words),
          conversation_id: fc.constantFrom(null, "conv"),
          output: fc.oneof(fc.array(item, { maxLength: 3 }), words),
        },
        { requiredKeys: [] },
      ),
      error: fc.oneof(
        words,
        fc.record({
          code: fc.constantFrom(
            "conversation_already_has_active_response",
            "input_audio_buffer_commit_empty",
            "x",
          ),
          message: words,
          event_id: fc.constantFrom(null, "relay_greet_1", "relay_respond_2", "relay_respond_3"),
        }),
      ),
      rate_limits: fc.oneof(words, fc.array(fc.record({ name: words }))),
    },
    { requiredKeys: ["type"] },
  )
  .map((event) => JSON.stringify(event));

class OpenAiContractServer extends ScriptedOpenAi implements ContractServer {
  readonly novelty = '{"type":"response.telepathy.delta","response_id":"resp_x","delta":"?"}';
  readonly hostile = hostileEvents;

  answer = (sizes: readonly number[]): string[] => {
    const { response: id, messages } = this.begin();
    const heard = this.turns.shift() ?? new Uint8Array();
    return [
      ...messages,
      this.messageItem(id, `item_of_${id}`),
      ...this.audio(id, `item_of_${id}`, heard, sizes),
      this.itemDone(id, { id: `item_of_${id}`, type: "message", role: "assistant", content: [] }),
      this.done(id),
    ];
  };

  endCancelled = (response: string): string[] => [this.done(response, "cancelled")];

  complain = (code: string): string => this.error(code, null);

  callTool = (name: string, callId: string, args: string): string[] => {
    const { response: id, messages } = this.begin();
    const call = { id: "item_call", type: "function_call", name, call_id: callId } as const;
    const at = { event_id: "e", response_id: id, output_index: 0, item_id: "item_call", call_id: callId };
    return [
      ...messages,
      this.say({
        type: "response.output_item.added",
        event_id: "e",
        response_id: id,
        output_index: 0,
        item: { ...call, arguments: "" },
      }),
      this.say({ type: "response.function_call_arguments.delta", ...at, delta: args.slice(0, 5) }),
      this.say({ type: "response.function_call_arguments.delta", ...at, delta: args.slice(5) }),
      this.say({ type: "response.function_call_arguments.done", ...at, name, arguments: args }),
      this.itemDone(id, { ...call, arguments: args, status: "completed" }),
      this.done(id),
    ];
  };

  flood(n: number): string[] {
    const long = "x".repeat(100);
    const [response, item] = [`resp_${long}_${n}`, `item_${long}_${n}`];
    return [
      ...this.committed(`user_${long}_${n}`),
      this.created(response, null),
      this.messageItem(response, item),
      this.audioDelta(response, item, "AQID"),
      JSON.stringify({
        type: "conversation.item.input_audio_transcription.completed",
        item_id: `user_${long}_${n}`,
        transcript: "I was saying",
        status: "in_progress",
      }),
      ...(n % 5 === 0 ? [] : [this.done(response)]),
    ];
  }

  truncations(): number[] {
    return this.received.flatMap((event) =>
      event.type === "conversation.item.truncate" ? [event.audio_end_ms] : [],
    );
  }
}

/** Members of Gemini's messages that are there or not, of the right type or not. */
const hostileContents: fc.Arbitrary<string> = fc
  .record(
    {
      setupComplete: fc.constantFrom({}, null),
      serverContent: fc.record(
        {
          modelTurn: fc.record({
            parts: fc.array(
              fc.oneof(
                fc.record({ text: words, thought: fc.boolean() }),
                fc.record({
                  inlineData: fc.record({
                    mimeType: fc.constantFrom("audio/pcm;rate=24000", "audio/pcm;rate=7", "x"),
                    data: words,
                  }),
                }),
                words,
              ),
              { maxLength: 3 },
            ),
          }),
          inputTranscription: fc.oneof(fc.record({ text: words, finished: fc.boolean() }), words),
          outputTranscription: fc.oneof(fc.record({ text: words }), words),
          interrupted: fc.boolean(),
          generationComplete: fc.boolean(),
          turnComplete: fc.oneof(fc.boolean(), words),
        },
        { requiredKeys: [] },
      ),
      toolCall: fc.record({
        functionCalls: fc.oneof(
          words,
          fc.array(
            fc.record({ id: names, name: names, args: fc.oneof(words, fc.dictionary(words, words)) }),
            { maxLength: 3 },
          ),
        ),
      }),
      toolCallCancellation: fc.record({ ids: fc.oneof(words, fc.array(names)) }),
      goAway: fc.record({ timeLeft: fc.constantFrom("9.5s", "x", 3) }),
      voiceActivity: fc.record({ voiceActivityType: fc.constantFrom("ACTIVITY_START", "ACTIVITY_END") }),
      usageMetadata: fc.dictionary(
        fc.constantFrom("promptTokenCount", "responseTokenCount"),
        fc.oneof(fc.nat(), words),
      ),
      error: fc.record({ status: words, message: words }),
    },
    { requiredKeys: [] },
  )
  .map((event) => JSON.stringify(event));

class GeminiContractServer extends ScriptedGemini implements ContractServer {
  readonly novelty = '{"telepathy":{"delta":"?"}}';
  readonly hostile = hostileContents;

  /** It cannot be told to; what the caller says next interrupts it. */
  endCancelled = (): WireMessage[] => [
    this.content({ interrupted: true }),
    this.content({ turnComplete: true }),
  ];

  answer = (sizes: readonly number[]): WireMessage[] => [
    ...this.audio(this.turns.shift() ?? new Uint8Array(2), sizes),
    ...this.end(),
  ];

  begin = (): { response: string; messages: WireMessage[] } => ({
    response: "",
    messages: this.audio(new Uint8Array(2), [2]),
  });

  complain = (status: string): string =>
    JSON.stringify({ error: { code: 429, status, message: "Slow down." } });

  callTool = (name: string, id: string, args: string): WireMessage[] => [
    this.say({ toolCall: { functionCalls: [{ id, name, args: JSON.parse(args) }] } }),
  ];

  flood(n: number): WireMessage[] {
    const long = "x".repeat(100);
    const functionCalls = [{ id: `${long}_${n}`, name: long, args: {} }];
    return [
      this.content({ inputTranscription: { text: long } }),
      ...this.audio(new Uint8Array(3), [3]),
      ...(n % 5 === 0 ? [] : [this.say({ toolCall: { functionCalls } })]),
    ];
  }

  truncations(): number[] {
    return [];
  }
}

const gemini: ContractSubject = {
  name: "gemini-live",
  create: () =>
    createUpstream({
      adapter: "gemini-live",
      model: "gemini-live-2.5-flash",
      url: "wss://provider.example/live",
    }),
  server: () => new GeminiContractServer(),
};

/** The echo is its own other side. */
class LoopServer implements ContractServer {
  readonly answer = null;
  readonly begin = null;
  readonly endCancelled = null;
  readonly callTool = null;
  readonly complain = null;
  readonly novelty = null;
  readonly hostile = fc
    .record({ type: fc.constantFrom("answer", "ready_", "voice"), answers: words, text: words })
    // A session never has two answers of one name.
    .map((event) => JSON.stringify(event.type === "answer" ? { ...event, answers: 1 } : event));

  opened(): readonly WireMessage[] {
    return [];
  }

  receive(message: WireMessage): readonly WireMessage[] {
    return [message];
  }

  flood(n: number): readonly string[] {
    return [JSON.stringify({ type: "answer", answers: `R${n}`, text: "x".repeat(100) })];
  }

  truncations(): readonly number[] {
    return [];
  }
}

/** Profiles that differ in more than numbers. */
const profileNames: readonly ProfileName[] = ["openai", "openai-beta", "xai", "localai", "speaches"];

const openAiSubjects: ContractSubject[] = profileNames.map((profile) => {
  const quirks: Quirks = PROFILES[profile];
  return {
    name: `openai-compatible (${profile})`,
    create: () =>
      createUpstream({
        adapter: "openai-compatible",
        url: "wss://provider.example/v1/realtime",
        settings: { profile },
      }),
    server: () => new OpenAiContractServer(quirks),
  };
});

const g711: ContractSubject = {
  name: "openai-compatible (G.711)",
  create: () =>
    createUpstream({
      adapter: "openai-compatible",
      url: "wss://provider.example/v1/realtime",
      settings: {
        input: { type: "audio/pcmu" },
        output: { type: "audio/pcmu" },
        quirks: { truncate: false },
      },
    }),
  server: () => new OpenAiContractServer(PROFILES.openai),
};

const echo: ContractSubject = {
  name: "echo",
  create: () => createUpstream({ adapter: "echo" }),
  server: () => new LoopServer(),
};

const subjects = [
  ...openAiSubjects,
  g711,
  echo,
  gemini,
  ...cascades,
  elevenLabs,
  ...deepgram,
  live,
  vllmDuplex,
  moshi,
];

describe("the contract suite", () => {
  it("[U1] covers every registered adapter", () => {
    const covered = new Set([
      ...subjects.map(({ name }) => name.split(" ")[0]),
      // They answer nobody, and have a suite of their own.
      ...PROVIDERS.map(({ adapter }) => adapter),
      "workers-ai-flux",
      "deepgram-nova",
    ]);
    expect([...covered].sort()).toEqual([...adapterNames].sort());
  });

  it("[X130] knows which of them answer unasked whatever their settings", () => {
    const turns = new Map<string, Set<string>>();
    for (const subject of subjects) {
      const [adapter = ""] = subject.name.split(" ");
      turns.set(adapter, (turns.get(adapter) ?? new Set()).add(subject.create().capabilities.turns));
    }
    const unasked = [...turns].filter(([, kinds]) => !kinds.has("client"));
    expect(new Map(unasked.map(([adapter, kinds]) => [adapter, [...kinds].join()]))).toEqual(UNASKED);
  });
});

for (const subject of subjects) runContract(subject);
