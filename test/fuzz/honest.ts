/** A provider that does what it is asked, and no more: what a call must be able to go on with, whatever was before. */
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import { objectOf, textOf } from "../oracle/fields.ts";

export class HonestProvider {
  #answers = 0;
  readonly #name: string;
  readonly #answersCommits: boolean;
  #items = 0;

  /** @param answersCommits as Grok does: nobody asks it for an answer to what was committed. */
  constructor(name: string, answersCommits = false) {
    this.#name = name;
    this.#answersCommits = answersCommits;
  }

  opened(): readonly string[] {
    return [JSON.stringify({ type: "session.created", session: { type: "realtime" } })];
  }

  receive(data: WireMessage): readonly string[] {
    const event = typeof data === "string" ? parseJsonObject(data) : null;
    if (event === null) return [];
    switch (textOf(event["type"])) {
      case "session.update":
        return [JSON.stringify({ type: "session.updated", session: event["session"] })];
      case "transcription_session.update":
        return [JSON.stringify({ type: "transcription_session.updated", session: event["session"] })];
      case "conversation.item.create":
        return [
          JSON.stringify({ type: "conversation.item.added", previous_item_id: null, item: event["item"] }),
        ];
      case "input_audio_buffer.commit": {
        this.#items += 1;
        return [
          JSON.stringify({
            type: "input_audio_buffer.committed",
            item_id: `${this.#name}_turn_${this.#items}`,
          }),
          ...(this.#answersCommits ? this.#answer({}) : []),
        ];
      }
      case "response.create":
        return this.#answer(objectOf(event["response"]));
      default:
        return [];
    }
  }

  #answer(asked: JsonObject): readonly string[] {
    this.#answers += 1;
    const id = `${this.#name}_resp_${this.#answers}`;
    const at = { response_id: id, item_id: `${id}_item`, output_index: 0, content_index: 0 };
    const item = { id: at.item_id, type: "message", role: "assistant" };
    const head = { id, metadata: asked["metadata"] ?? null, output: [] };
    const text = "I am here.";
    return [
      { type: "response.created", response: { ...head, status: "in_progress" } },
      {
        type: "response.output_item.added",
        response_id: id,
        output_index: 0,
        item: { ...item, content: [] },
      },
      { type: "response.content_part.added", ...at, part: { type: "text", text: "" } },
      { type: "response.output_text.delta", ...at, delta: text },
      { type: "response.output_text.done", ...at, text },
      {
        type: "response.output_item.done",
        response_id: id,
        output_index: 0,
        item: { ...item, status: "completed", content: [{ type: "output_text", text }] },
      },
      { type: "response.done", response: { ...head, status: "completed", usage: null } },
    ].map((event) => JSON.stringify(event));
  }
}
