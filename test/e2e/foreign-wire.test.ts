/**
 * What clients of other people do on the wire that once broke them, said by a bare socket: they themselves are run by
 * `npm run foreign`.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { startRelay, type Relay } from "../support/relay.ts";
import { say } from "../support/say.ts";
import { base64, concat, pcmBytes, pieces, silence } from "../support/sdk-audio.ts";
import { dialRaw, textTurn, type RawCall } from "../support/sdk-raw.ts";

let relay: Relay;
let speech: Uint8Array;
beforeAll(async () => {
  relay = await startRelay();
  speech = concat([silence(300), pcmBytes(await say("Hello. Can you hear me?")), silence(1200)]);
});
afterAll(() => relay.close());

/** Every event type that the GA-only clients know: go-openai-realtime 2.0.0-rc and async-openai 0.41 both. */
const GA_TYPES = new Set(
  `error session.created session.updated conversation.item.added conversation.item.done conversation.item.retrieved
  conversation.item.input_audio_transcription.completed conversation.item.input_audio_transcription.delta
  conversation.item.input_audio_transcription.segment conversation.item.input_audio_transcription.failed
  conversation.item.truncated conversation.item.deleted input_audio_buffer.committed input_audio_buffer.cleared
  input_audio_buffer.speech_started input_audio_buffer.speech_stopped input_audio_buffer.timeout_triggered
  response.created response.done response.output_item.added response.output_item.done response.content_part.added
  response.content_part.done response.output_text.delta response.output_text.done response.output_audio.delta
  response.output_audio.done response.output_audio_transcript.delta response.output_audio_transcript.done
  response.function_call_arguments.delta response.function_call_arguments.done rate_limits.updated`.split(
    /\s+/,
  ),
);

function dial(query = "model=demo"): Promise<RawCall> {
  return dialRaw(`${relay.wsUrl}/v1/realtime?${query}`, { apiKey: relay.apiKey });
}

function ask(call: RawCall, text: string, response: object = {}): void {
  const content = [{ type: "input_text", text }];
  call.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  call.send({ type: "response.create", response });
}

function speak(call: RawCall): void {
  for (const piece of pieces(speech)) call.send({ type: "input_audio_buffer.append", audio: base64(piece) });
}

describe("clients of other people", () => {
  test("[S60] pipecat: the response.done of an interrupted answer has every part of usage, and the call goes on", async () => {
    const call = await dial();
    ask(call, "Tell me a story.");
    await call.log.next("response.output_audio.delta");
    speak(call);
    const { response } = await call.log.next("response.done");
    expect(response).toMatchObject({
      status: "cancelled",
      usage: {
        total_tokens: expect.any(Number),
        input_tokens: expect.any(Number),
        output_tokens: expect.any(Number),
        input_token_details: { text_tokens: expect.any(Number), cached_tokens: expect.any(Number) },
        output_token_details: { text_tokens: expect.any(Number), audio_tokens: expect.any(Number) },
      },
    });
    expect((await call.log.next("response.done")).response.status).toBe("completed");
    await call.hangUp();
  });

  test("[S61] LiveKit, Python: null in response.create is as good as absent", async () => {
    const call = await dial();
    const nothing = { instructions: null, tools: null, tool_choice: null, output_modalities: null };
    ask(call, "Hello.", {
      ...nothing,
      conversation: null,
      max_output_tokens: null,
      input: null,
      metadata: null,
    });
    const { response } = await call.log.next("response.done");
    expect(response).toMatchObject({ status: "completed", output_modalities: ["audio"] });
    await call.hangUp();
  });

  test("[S62] Go and Rust: no event of a type that is not of GA, in no kind of session", async () => {
    const call = await dial();
    speak(call);
    await call.log.next("response.done");
    await textTurn(call);
    const other = await dial("intent=transcription");
    const audio = { input: { transcription: { model: "gpt-4o-transcribe" } } };
    other.send({ type: "session.update", session: { type: "transcription", audio } });
    speak(other);
    await other.log.next("conversation.item.input_audio_transcription.completed");
    const types = [...call.log.events, ...other.log.events].map(({ type }) => type);
    expect([...new Set(types)].filter((type) => !GA_TYPES.has(type))).toEqual([]);
    await call.hangUp();
    await other.hangUp();
  });

  test.each([
    ["OpenAI's header", "/v1/realtime?model=demo", { headers: { "OpenAI-Beta": "realtime=v1" } }, ""],
    ["OpenAI's subprotocol", "/v1/realtime?model=demo", { protocols: ["openai-beta.realtime-v1"] }, null],
    [
      "a browser's subprotocols",
      "/v1/realtime?model=demo",
      { protocols: ["realtime", "openai-beta.realtime-v1"] },
      "realtime",
    ],
    ["Azure's version", "/openai/realtime?api-version=2024-10-01-preview&deployment=demo", {}, ""],
  ] as const)(
    "[S63] [N25] a client that says by %s that it speaks the beta is spoken to in the beta",
    async (_, path, dial, protocol) => {
      const call = await dialRaw(`${relay.wsUrl}${path}`, { apiKey: relay.apiKey, ...dial });
      expect(call.protocol).toBe(protocol ?? "openai-beta.realtime-v1");
      // The log is typed for GA: what is compared here is text.
      const told = (): string => JSON.stringify(call.log.events);
      call.send({
        type: "session.update",
        session: { modalities: ["text", "audio"], voice: "alloy", input_audio_format: "pcm16" },
      });
      await call.log.any("session.updated");
      expect(told()).toContain('"input_audio_format":"pcm16"');
      ask(call, "Hello.");
      const { response } = await call.log.any("response.done");
      expect(response).toMatchObject({
        modalities: ["text", "audio"],
        output: [{ content: [{ type: "audio" }] }],
      });
      for (const name of [
        "conversation.item.created",
        "response.audio.delta",
        "response.audio_transcript.done",
      ])
        expect(told()).toContain(`"type":"${name}"`);
      for (const own of ["response.output_audio", "conversation.item.added", "output_modalities"])
        expect(told()).not.toContain(own);
      await call.hangUp();
    },
  );

  test("[S63] without such a word a flat field is refused by the name that stands for it", async () => {
    const call = await dial();
    call.send({ type: "session.update", event_id: "beta", session: { voice: "alloy" } });
    const { error } = await call.log.any("error");
    expect(error).toMatchObject({ type: "invalid_request_error", event_id: "beta", param: "session.voice" });
    expect(error.message).toMatch(/beta dialect/);
    expect((await textTurn(call)).length).toBeGreaterThan(0);
    await call.hangUp();
  });
});
