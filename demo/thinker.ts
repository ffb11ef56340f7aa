/**
 * The demo's text model: an endpoint of chat completions that thinks for a while and then says, word by word, what rules make of
 * the task at the end of the last message. No model, and no key.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { isJsonObject, parseJsonObject, type JsonObject } from "../src/protocol/json.ts";

export const THINKER_PATH = "/v1/chat/completions";
const MOST_BYTES = 1024 * 1024;
const THINKS_MS = 4000;
const WORD_MS = 30;
const TASK = /The task:\n([^]*)$/;

const RULES: readonly (readonly [RegExp, string])[] = [
  [/\btable|dinner|restaurant/i, "Luigi's has a table for two at eight o'clock, by the window."],
  [/\bflight|fly\b/i, "There is a flight at ten past nine, with two seats by the aisle."],
  [/\bhotel|room\b/i, "The hotel at the harbour has a quiet room for ninety."],
  [/\border|parcel|package/i, "The order left the warehouse this morning, and comes tomorrow before noon."],
];

function foundOut(task: string): string {
  const rule = RULES.find(([pattern]) => pattern.test(task));
  return rule?.[1] ?? `I looked into it and found no rule for "${task.slice(0, 100)}".`;
}

/** Settles when the answer is told, or its reader is gone. */
export async function think(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await bodyOf(request);
  const task = body && taskOf(body);
  if (!body || task === null || body["stream"] !== true) {
    const error = {
      type: "invalid_request_error",
      code: "invalid_value",
      message: "Expected messages, and stream: true.",
    };
    response.writeHead(400, { "content-type": "application/json" }).end(JSON.stringify({ error }));
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.flushHeaders();
  await wait(THINKS_MS);
  const event = (delta: JsonObject, finish_reason: string | null = null): void => {
    const choices = [{ index: 0, delta, finish_reason }];
    response.write(`data: ${JSON.stringify({ object: "chat.completion.chunk", choices })}\n\n`);
  };
  for (const word of foundOut(task ?? "").match(/\S+\s*/g) ?? []) {
    if (response.destroyed) return;
    event({ content: word });
    await wait(WORD_MS);
  }
  event({}, "stop");
  response.end("data: [DONE]\n\n");
}

/** Null: it is too long, or no JSON object. */
export async function bodyOf(request: IncomingMessage, most = MOST_BYTES): Promise<JsonObject | null> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    parts.push(part as Buffer);
    size += (part as Buffer).length;
    if (size > most) return null;
  }
  return parseJsonObject(Buffer.concat(parts).toString());
}

function taskOf({ messages }: JsonObject): string | null {
  const last = Array.isArray(messages) ? messages.at(-1) : null;
  const content = isJsonObject(last) ? last["content"] : null;
  if (typeof content !== "string") return null;
  return (TASK.exec(content)?.[1] ?? content).trim();
}
