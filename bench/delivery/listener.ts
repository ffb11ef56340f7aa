/** What a listener hears of a call and when: its answers, its silences, and what it is told of the upstreams. */
import type { JsonObject } from "../../src/protocol/json.ts";
import { objectAt, textAt } from "../../src/upstreams/json.ts";
import type { HeardFrame, ResumingClient } from "./client.ts";

export interface HeardAnswer {
  readonly id: string;
  readonly ordinal: number;
  readonly createdAt: number;
  doneAt: number | null;
  status: string;
  /** When its first audio came. */
  firstAt: number | null;
  /** A tool was called, with these arguments. */
  call: { readonly id: string; readonly arguments: string; readonly at: number } | null;
  readonly chunks: Uint8Array[];
  bytes: number;
}

export interface Told {
  readonly status: string;
  readonly code: string | null;
  readonly at: number;
  /** When all that had come by then will have been played. */
  readonly dryAt: number;
}

const BYTES_PER_MS = 48;

export class Listener {
  readonly answers: HeardAnswer[] = [];
  readonly upstream: Told[] = [];
  readonly errors: string[] = [];
  /** When all that came until now has been played, by a loudspeaker that begins at once. */
  dryAt = Number.NEGATIVE_INFINITY;
  /** Milliseconds within an answer in which nothing was left to play. */
  starvedMs = 0;
  #sounding = -1;

  constructor(client: ResumingClient) {
    client.listen((message, at) => this.#take(message, at));
  }

  /** Answers that were announced and have not ended. */
  get active(): readonly HeardAnswer[] {
    return this.answers.filter(({ doneAt }) => doneAt === null);
  }

  #take(message: JsonObject | HeardFrame, at: number): void {
    if (isFrame(message)) this.#frame(message, at);
    else this.#event(message, at);
  }

  #frame({ ordinal, payload }: HeardFrame, at: number): void {
    const answer = this.answers.findLast((one) => one.ordinal === ordinal);
    if (this.#sounding === ordinal) this.starvedMs += Math.max(0, at - this.dryAt);
    this.#sounding = ordinal;
    this.dryAt = Math.max(this.dryAt, at) + payload.byteLength / BYTES_PER_MS;
    if (answer === undefined) {
      this.errors.push(`audio of the unknown answer ${ordinal}`);
      return;
    }
    answer.firstAt ??= at;
    answer.chunks.push(payload);
    answer.bytes += payload.byteLength;
  }

  #event(event: JsonObject, at: number): void {
    const response = objectAt(event, "response");
    switch (textAt(event, "type")) {
      case "response.created":
        this.answers.push({
          id: textAt(response, "id") ?? "",
          ordinal: Number(objectAt(response, "relay")?.["ordinal"]),
          createdAt: at,
          doneAt: null,
          status: "in_progress",
          firstAt: null,
          call: null,
          chunks: [],
          bytes: 0,
        });
        break;
      case "response.done":
        this.#done(textAt(response, "id"), textAt(response, "status") ?? "", at);
        break;
      case "response.function_call_arguments.done":
        this.#called(event, at);
        break;
      case "relay.upstream":
        this.upstream.push({
          status: textAt(event, "status") ?? "",
          code: textAt(event, "code"),
          at,
          dryAt: this.dryAt,
        });
        break;
      case "session.resumed":
        // What was under way is over, and no event will say so (docs/wire.md).
        if (event["forgotten"] !== undefined)
          for (const { id } of this.active) this.#done(id, "forgotten", at);
        break;
      case "error":
        this.errors.push(textAt(objectAt(event, "error"), "message") ?? "");
        break;
      case null:
      default:
        break;
    }
  }

  #done(id: string | null, status: string, at: number): void {
    const answer = this.answers.findLast((one) => one.id === id);
    if (answer === undefined) this.errors.push(`the end of the unknown answer ${id}`);
    else if (answer.doneAt !== null) this.errors.push(`the end of ${id} twice`);
    else {
      answer.doneAt = at;
      answer.status = status;
    }
  }

  #called(event: JsonObject, at: number): void {
    const answer = this.answers.findLast((one) => one.id === textAt(event, "response_id"));
    const call = { id: textAt(event, "call_id") ?? "", arguments: textAt(event, "arguments") ?? "", at };
    if (answer === undefined) this.errors.push(`a call of an unknown answer`);
    else answer.call = call;
  }
}

function isFrame(message: JsonObject | HeardFrame): message is HeardFrame {
  return message["payload"] instanceof Uint8Array;
}
