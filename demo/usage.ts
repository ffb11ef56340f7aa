/** Token counts as OpenAI documents them: audio in 10 per second, audio out 20 per second, text four letters each. */
import { audioMs, type Item } from "./conversation.ts";

export function textTokens(text: string): number {
  return Math.ceil(text.length / 4);
}

export function audioTokens(ms: number, direction: "input" | "output"): number {
  return Math.ceil(ms / (direction === "input" ? 100 : 50));
}

export interface InputUsage {
  readonly text: number;
  readonly audio: number;
}

export function inputUsage(items: readonly Item[], instructions: string): InputUsage {
  let text = textTokens(instructions);
  let audio = 0;
  for (const item of items) {
    if (item.type === "function_call") text += textTokens(item.arguments);
    if (item.type === "function_call_output") text += textTokens(item.output);
    if (item.type !== "message") continue;
    for (const part of item.content) {
      text += textTokens(part.text ?? "");
      audio += audioTokens(audioMs(part.audio), "input");
    }
  }
  return { text, audio };
}

export function usageResource(
  input: InputUsage,
  outputText: number,
  outputAudio: number,
): Record<string, unknown> {
  const inputTokens = input.text + input.audio;
  const outputTokens = outputText + outputAudio;
  return {
    total_tokens: inputTokens + outputTokens,
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    input_token_details: {
      text_tokens: input.text,
      audio_tokens: input.audio,
      image_tokens: 0,
      cached_tokens: 0,
      cached_tokens_details: { text_tokens: 0, audio_tokens: 0, image_tokens: 0 },
    },
    output_token_details: { text_tokens: outputText, audio_tokens: outputAudio },
  };
}
