/** What a transcriber says beside the words (`logprobs`, language, segments, cost) is the client's. */
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const EAR = { name: "ear", options: { adapter: "wire", model: "scribe", settings: { turns: "server" } } };
const TURN = concat(silence(600), voice(1200), silence(900));
const TRANSCRIPTION = "conversation.item.input_audio_transcription";

const heard = () => {
  const call = new Call({ transcriber: EAR });
  call.speak(TURN.subarray(0, 24 * 1500));
  return call;
};
const end = (call: Call) => call.speak(TURN.subarray(24 * 1500));
const tokens = (input: number, output: number): JsonObject => ({
  type: "tokens",
  input_tokens: input,
  output_tokens: output,
  total_tokens: input + output,
  input_token_details: { audio_tokens: input, text_tokens: 0 },
});
const completed = (
  call: Call,
  key: string,
  transcript: string,
  extra: JsonObject,
  usage: JsonObject | null,
) =>
  call.upstream(
    { type: "input.transcript.completed", itemId: key, transcript, usage, extra } as never,
    "up1.1",
  );

describe("beside the words of a transcriber", () => {
  test("[J20] logprobs, language and cost reach the client", () => {
    const call = heard();
    const one = { token: "Where", logprob: -0.1, bytes: [1] };
    const two = { token: " is it?", logprob: -0.2, bytes: [2] };
    const delta = (text: string, logprobs: JsonObject[]) =>
      call.upstream(
        { type: "input.transcript.delta", itemId: "s1", delta: text, extra: { logprobs } } as never,
        "up1.1",
      );
    delta("Where", [one]);
    delta(" is it?", [two]);
    completed(call, "s1", "Where is it?", { logprobs: [one, two], language: "en" }, tokens(10, 4));
    end(call);
    expect(call.last(`${TRANSCRIPTION}.delta`)).toMatchObject({
      delta: "Where is it?",
      logprobs: [one, two],
    });
    expect(call.last(`${TRANSCRIPTION}.completed`)).toMatchObject({
      transcript: "Where is it?",
      logprobs: [one, two],
      language: "en",
      usage: tokens(10, 4),
    });
  });

  test("[J20] of several segments they are put together, and costs are told once", () => {
    const call = heard();
    const one = { token: "Yes.", logprob: -0.1 };
    const two = { token: "No.", logprob: -0.2 };
    completed(call, "s1", "Yes.", { logprobs: [one], language: "en", model: "a" }, tokens(10, 4));
    completed(call, "s2", "No.", { logprobs: [two], language: "en", model: "b" }, tokens(5, 2));
    end(call);
    const told = call.last(`${TRANSCRIPTION}.completed`);
    expect(told).toMatchObject({ logprobs: [one, two], language: "en", usage: tokens(15, 6) });
    expect(told).not.toHaveProperty("model");
    // More words of the same turn cost no more than they do.
    completed(call, "s3", "Maybe.", { logprobs: [one] }, tokens(1, 1));
    const more = call.last(`${TRANSCRIPTION}.completed`);
    expect(more).toMatchObject({ transcript: "Yes. No. Maybe.", usage: tokens(1, 1) });
    expect(more).not.toHaveProperty("logprobs");
  });

  test("[J20] one that counts in seconds, and one that does not count", () => {
    const call = heard();
    completed(call, "s1", "Yes.", {}, { type: "duration", seconds: 1.5 });
    end(call);
    expect(call.last(`${TRANSCRIPTION}.completed`)["usage"]).toEqual({ type: "duration", seconds: 1.5 });
    const other = heard();
    completed(other, "s1", "Yes.", {}, null);
    end(other);
    expect(other.last(`${TRANSCRIPTION}.completed`)["usage"]).toMatchObject({ type: "duration" });
  });

  test("[J20] diarized segments come under the turn's item, when it is there", () => {
    const call = heard();
    const segment = { id: "seg_1", text: "Yes.", speaker: "A", start: 0.1, end: 0.5 };
    call.upstream({ type: "input.transcript.segment", itemId: "s1", segment } as never, "up1.1");
    completed(call, "s1", "Yes.", {}, null);
    expect(call.types()).not.toContain(`${TRANSCRIPTION}.segment`);
    end(call);
    const { item_id } = call.last("input_audio_buffer.committed");
    expect(call.last(`${TRANSCRIPTION}.segment`)).toMatchObject({ ...segment, item_id });
    expect(call.types().filter((type) => type === `${TRANSCRIPTION}.segment`)).toHaveLength(1);
  });

  test("[J20] what is too much of it is left out, and the words come", () => {
    const call = heard();
    const logprobs = Array.from({ length: 4000 }, () => ({ token: "aaaaaaaa", logprob: -0.123456 }));
    completed(call, "s1", "Yes.", { logprobs }, null);
    end(call);
    const told = call.last(`${TRANSCRIPTION}.completed`);
    expect(told).toMatchObject({ transcript: "Yes." });
    expect(told).not.toHaveProperty("logprobs");
  });

  test("[J20] it survives another isolate", () => {
    const call = heard();
    completed(call, "s1", "Yes.", { language: "en" }, tokens(3, 1));
    call.hibernate();
    end(call);
    expect(call.last(`${TRANSCRIPTION}.completed`)).toMatchObject({ language: "en", usage: tokens(3, 1) });
  });

  test("[J21] a turn of which nothing could be made has failed", () => {
    const call = heard();
    const error = { type: "transcription_error", code: "audio_unintelligible", message: "unclear" };
    call.upstream({ type: "input.transcript.failed", itemId: "s1", error } as never, "up1.1");
    end(call);
    expect(call.types()).not.toContain(`${TRANSCRIPTION}.completed`);
    const { item_id } = call.last("input_audio_buffer.committed");
    expect(call.last(`${TRANSCRIPTION}.failed`)).toMatchObject({
      item_id,
      content_index: 0,
      error: { code: "audio_unintelligible", message: "unclear" },
    });
  });
});
