/**
 * What a client of vLLM-Omni's duplex sessions says in other words than OpenAI's: a flat session that it opens by its first
 * `session.update`, a commit that is an ask, and an end that it announces. Its sessions are not resumed here: it is given
 * no token for that, and begins a new one.
 */
import { ClientError } from "../../protocol/client-error.ts";
import { eventIdOf } from "../../protocol/client-events.ts";
import { excessOf, isJsonObject, parseJsonObject, type JsonObject } from "../../protocol/json.ts";
import type { ClientMessage, Codec, CodecSnapshot, Heard } from "../dialect.ts";
import { retyped, typeOf } from "../written.ts";
import { answersCommits, toSession } from "./session.ts";

/** Nearly every message: the name of it stands at its front. */
const APPEND = "input_audio_buffer.append";
const FRONT = 512;
/** Events that are other than the session's. */
const OTHER =
  /"(?:session\.(?:update|close|resume|heartbeat|event_ack)|input_audio_buffer\.commit|playback\.ack)"/;
const TRANSLATED_CHARS = 1_048_576;
const EXCESS = { levels: 64, members: 10_000, escapes: TRANSLATED_CHARS, outside: TRANSLATED_CHARS };

export class OmniCodec implements Codec {
  /** It was told of its session, which is once its first `session.update` holds. */
  #created = false;
  /** A commit asks for an answer, unless it says otherwise. */
  #answers = true;

  readonly deadline = null;

  opened(): void {
    this.#created = false;
  }

  due(): readonly Heard[] {
    return [];
  }

  decode(data: ClientMessage): readonly Heard[] {
    const said = typeof data === "string" ? otherIn(data) : null;
    if (said === null) return [{ type: "message", data }];
    try {
      return this.#heard(said, data);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      return [{ type: "refused", error, eventId: eventIdOf(said) }];
    }
  }

  /** @throws ClientError */
  #heard(said: JsonObject, data: ClientMessage): readonly Heard[] {
    const { type, session } = said;
    switch (typeof type === "string" ? type : "") {
      case "session.update":
        if (!isJsonObject(session)) return [{ type: "message", data }];
        this.#answers = answersCommits(session) ?? this.#answers;
        return [message({ ...said, session: { type: "realtime", ...toSession(session) } })];
      case "input_audio_buffer.commit":
        return this.#committed(said);
      case "session.close":
        return [{ type: "turn away", code: 1000, reason: "closed" }, { type: "hangup" }];
      case "session.resume":
        throw new ClientError(
          "unsupported_session_resume",
          "Sessions of this dialect are not resumed.",
          "type",
        );
      // Nothing is numbered for it, and what was heard is reckoned by the clock, as for any client of OpenAI's.
      case "session.heartbeat":
      case "session.event_ack":
      case "playback.ack":
        return [];
      default:
        return [{ type: "message", data }];
    }
  }

  #committed({ final, response_create, ...commit }: JsonObject): readonly Heard[] {
    // What is not the end of a turn is heard as it comes.
    if (final === false) return [];
    const asked = typeof response_create === "boolean" ? response_create : this.#answers;
    const id = commit["event_id"];
    const ask = { type: "response.create", ...(id !== undefined && { event_id: id }) };
    return asked ? [message(commit), message(ask)] : [message(commit)];
  }

  encode(data: ClientMessage): readonly ClientMessage[] {
    if (typeof data !== "string") return [];
    const type = this.#created ? "" : typeOf(data);
    // Its session is there as it asked for it, or it is refused.
    if (type === "session.created") return [];
    if (type !== "session.updated") return [data];
    this.#created = true;
    return [retyped(data, type, "session.created")];
  }

  snapshot(): CodecSnapshot {
    return { created: this.#created, answers: this.#answers };
  }

  restore({ created, answers }: CodecSnapshot): void {
    this.#created = created === true;
    this.#answers = answers !== false;
  }
}

function message(event: JsonObject): Heard {
  return { type: "message", data: JSON.stringify(event) };
}

/** An event that is another one in the session; null: it is the same, or for the session to refuse. */
function otherIn(text: string): JsonObject | null {
  if (text.length > TRANSLATED_CHARS || text.slice(0, FRONT).includes(APPEND) || !OTHER.test(text))
    return null;
  return typeof excessOf(text, EXCESS) === "number" ? parseJsonObject(text) : null;
}
