/**
 * A server of vLLM-Omni's duplex sessions that does only what it is told, and refuses what its source refuses: a first message
 * that opens nothing, formats and turn detection that it has not, what a session cannot change, items and answers that it does
 * not know, acknowledgements of what it has not said or of another item, results of no call, a wrong token, a gap in its journal.
 * Its history has of an answer what it was told was heard. A session outlives its sockets.
 */
import { isJsonObject, type Json, type JsonObject } from "../../src/protocol/json.ts";
import { indexAt, nameAt, objectAt, objectsAt, textAt } from "../../src/upstreams/json.ts";
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import type { ScriptedServer } from "./connection.ts";
import { DuplexSession, DuplexVoice } from "./vllm-duplex-voice.ts";

export interface DuplexServerOptions {
  readonly resumes?: boolean;
  readonly cuts?: boolean;
  /** Taken over from sockets before this one. */
  readonly sessions?: Map<string, DuplexSession>;
}

export class ScriptedVllmDuplex extends DuplexVoice implements ScriptedServer {
  readonly received: JsonObject[] = [];
  readonly refused: string[] = [];
  readonly sessions: Map<string, DuplexSession>;
  readonly #resumes: boolean;
  readonly #cuts: boolean;

  constructor({ resumes = true, cuts = true, sessions = new Map() }: DuplexServerOptions = {}) {
    super();
    this.#resumes = resumes;
    this.#cuts = cuts;
    this.sessions = sessions;
  }

  opened(): readonly WireMessage[] {
    return [];
  }

  receive(message: WireMessage): readonly WireMessage[] {
    const event = typeof message === "string" ? (JSON.parse(message) as Json) : null;
    if (!isJsonObject(event)) return [this.#refuse({}, "bad_event", "no object")];
    this.received.push(event);
    if (this.session === null) return this.#first(event);
    if (this.session.closed) {
      this.refused.push("a message after the close");
      return [];
    }
    return this.#command(this.session, event);
  }

  of(type: string): JsonObject[] {
    return this.received.filter((event) => event["type"] === type);
  }

  #refuse(event: JsonObject, code: string, message: string): string {
    this.refused.push(`${code}: ${message}`);
    return this.error(code, message, nameAt(event, "event_id"));
  }

  #first(event: JsonObject): readonly WireMessage[] {
    if (event["type"] === "session.resume") return this.#resume(event);
    if (event["type"] !== "session.update") return [this.#refuse(event, "bad_event", "opens nothing")];
    const session = objectAt(event, "session") ?? {};
    const wrong = wrongSession(session);
    if (wrong !== null) return [this.#refuse(event, wrong[0], wrong[1])];
    const made = new DuplexSession(`sess_${this.sessions.size + 1}`, this.#resumes);
    made.config = session;
    this.sessions.set(made.id, made);
    this.session = made;
    const credentials = this.#resumes
      ? { incarnation: 0, attachment_generation: 1, resume_token: made.token }
      : {};
    const created = {
      type: "session.created",
      event_id: "event_0",
      session: this.#public(made),
      ...credentials,
    };
    return [JSON.stringify(created), this.say("session.updated", { session: this.#public(made) })];
  }

  #public(session: DuplexSession): JsonObject {
    return {
      object: "realtime.session",
      type: "realtime",
      id: session.id,
      model: textAt(session.config, "model") ?? "",
      input_audio_format: "pcm16",
      output_audio_format: "pcm16",
      capabilities: {
        implementation_level: "model_native_duplex",
        supports_session_resume: this.#resumes,
        supports_audio_truncate: this.#cuts,
        supports_barge_in: true,
        chunk_period_ms: 1000,
      },
    };
  }

  #resume(event: JsonObject): readonly WireMessage[] {
    const session = this.sessions.get(textAt(event, "session_id") ?? "");
    const after = indexAt(event, "last_received_server_event_seq");
    if (textAt(event, "resume_token") === null || after === null)
      return [this.#refuse(event, "invalid_session_resume", "members are missing")];
    if (!session || session.closed || session.expired)
      return [this.#refuse(event, "session_resume_expired", "no such session")];
    if (!session.resumes) return [this.#refuse(event, "unsupported_session_resume", "it does not")];
    if (event["resume_token"] !== session.token)
      return [this.#refuse(event, "invalid_resume_token", "another token")];
    if (after < session.dropped)
      return [
        JSON.stringify({ type: "session.resync_required", session_id: session.id, reason: "journal_gap" }),
      ];
    if (after > session.seq)
      return [this.#refuse(event, "session_resume_conflict", "newer than the journal")];
    session.attachment += 1;
    session.token = `token_${session.attachment}`;
    this.session = session;
    const resumed = {
      type: "session.resumed",
      session_id: session.id,
      session: this.#public(session),
      attachment_generation: session.attachment,
      resume_token: session.token,
    };
    return [
      JSON.stringify(resumed),
      ...session.journal.filter(({ seq }) => seq > after).map(({ text }) => text),
    ];
  }

  #command(session: DuplexSession, event: JsonObject): readonly WireMessage[] {
    const type = textAt(event, "type") ?? "";
    switch (type) {
      case "input_audio_buffer.append":
        return this.#hear(session, event);
      case "session.heartbeat":
        return [this.say("session.heartbeat_ack", { session_id: session.id })];
      case "session.close":
        return [this.close()];
      case "session.event_ack":
        return this.#acknowledge(session, event);
      case "session.update":
        return this.#update(session, event);
      case "input_audio_buffer.commit":
        return this.#commit(session, event);
      case "response.cancel":
        return this.#cancel(session, event);
      case "conversation.item.create":
        return this.#create(session, event);
      case "conversation.item.delete":
        return this.#delete(session, event);
      case "conversation.item.truncate":
        return this.#truncate(session, event);
      case "playback.ack":
        return this.#played(session, event);
      default:
        return [this.#refuse(event, "unknown_event", type)];
    }
  }

  #hear(session: DuplexSession, event: JsonObject): readonly WireMessage[] {
    const bytes = Uint8Array.fromBase64(textAt(event, "audio") ?? "");
    if (bytes.length === 0 || bytes.length % 2 !== 0)
      return [this.#refuse(event, "bad_audio", "no whole samples")];
    for (const byte of bytes) session.heard.push(byte);
    session.hasAudio = true;
    return [];
  }

  #acknowledge(session: DuplexSession, event: JsonObject): readonly WireMessage[] {
    const seq = indexAt(event, "server_event_seq");
    if (seq === null || seq > session.seq) return [this.#refuse(event, "invalid_event_ack", "not said yet")];
    session.journal = session.journal.filter((entry) => entry.seq > seq);
    session.dropped = Math.max(session.dropped, seq);
    return [];
  }

  #update(session: DuplexSession, event: JsonObject): readonly WireMessage[] {
    const change = objectAt(event, "session") ?? {};
    if ("model" in change && change["model"] !== session.config["model"])
      return [this.#refuse(event, "model_update_unsupported", "model")];
    if ("ref_audio" in change) return [this.#refuse(event, "ref_audio_update_unsupported", "ref_audio")];
    const spoke = [...session.answers.values()].some(({ ms }) => ms > 0);
    if (typeof change["voice"] === "string" && spoke)
      return [this.#refuse(event, "voice_update_after_audio_unsupported", "voice")];
    if ("instructions" in change && session.hasAudio)
      return [this.#refuse(event, "instructions_update_unsupported", "instructions")];
    session.config = { ...session.config, ...change };
    return [this.say("session.updated", { session: this.#public(session) })];
  }

  #commit(session: DuplexSession, event: JsonObject): readonly WireMessage[] {
    if (!session.hasAudio) return [this.#refuse(event, "input_audio_buffer_empty", "nothing was heard")];
    session.hasAudio = false;
    const item = {
      id: `item_user_${(session.numbered += 1)}`,
      type: "message",
      role: "user",
      status: "completed",
    };
    return [
      this.say("conversation.item.added", { previous_item_id: null, item }),
      this.say("input_audio_buffer.committed", { previous_item_id: null, item_id: item.id, event: {} }),
      this.say("conversation.item.done", { previous_item_id: null, item }),
    ];
  }

  #cancel(session: DuplexSession, event: JsonObject): readonly WireMessage[] {
    const response = nameAt(event, "response_id") ?? session.active;
    const said = response === null ? undefined : session.answers.get(response);
    if (response === null || !said || said.done)
      return [this.#refuse(event, "response_not_active", "nothing runs")];
    session.epoch += 1;
    return this.ends(response, "cancelled", "client_cancelled");
  }

  #create(session: DuplexSession, event: JsonObject): readonly WireMessage[] {
    const item = objectAt(event, "item") ?? {};
    if (item["type"] === "function_call_output") {
      if (!session.calls.delete(textAt(item, "call_id") ?? "") || textAt(item, "output") === null)
        return [this.#refuse(event, "invalid_function_call_output", "of no call")];
    } else if (!["user", "assistant", "system"].includes(textAt(item, "role") ?? "")) {
      return [this.#refuse(event, "bad_event", "a role that it does not know")];
    } else if (objectsAt(item, "content").some((part) => textAt(part, "text") === null))
      return [this.#refuse(event, "bad_event", "a part without text")];
    session.history.push(item);
    return [this.say("conversation.item.added", { previous_item_id: null, item })];
  }

  #delete(session: DuplexSession, event: JsonObject): readonly WireMessage[] {
    const id = textAt(event, "item_id");
    const at = session.history.findIndex((item) => item["id"] === id);
    const said = [...session.answers].find(([, one]) => one.item === id);
    if (at < 0 && !said) return [this.#refuse(event, "item_not_found", id ?? "")];
    if (at >= 0) session.history.splice(at, 1);
    if (said) session.answers.delete(said[0]);
    return [this.say("conversation.item.deleted", { item_id: id, event: {} })];
  }

  #truncate(session: DuplexSession, event: JsonObject): readonly WireMessage[] {
    const id = textAt(event, "item_id");
    const said = [...session.answers.values()].find((one) => one.item === id);
    const endMs = indexAt(event, "audio_end_ms");
    if (!said || endMs === null) return [this.#refuse(event, "item_not_found", id ?? "")];
    if (!this.#cuts) return [this.#refuse(event, "bad_event", "it cuts nothing")];
    if (endMs > said.ms)
      return [this.#refuse(event, "bad_event", "audio_end_ms exceeds item audio duration")];
    said.heardMs = endMs;
    return [
      this.say("conversation.item.truncated", {
        item_id: id,
        content_index: 0,
        audio_end_ms: endMs,
        event: {},
      }),
    ];
  }

  #played(session: DuplexSession, event: JsonObject): readonly WireMessage[] {
    const response = textAt(event, "response_id") ?? "";
    const said = session.answers.get(response);
    if (textAt(event, "item_id") !== `item_${response}`)
      return [this.#refuse(event, "playback_item_mismatch", response)];
    if (!said) return [this.#refuse(event, "playback_item_not_found", response)];
    const ms = Math.max(said.heardMs, indexAt(event, "committed_ms") ?? 0);
    if (ms > said.ms) this.refused.push("more was heard than was said");
    said.heardMs = ms;
    return [
      this.say("playback.acknowledged", { event: { item_id: said.item, played_ms: ms, committed_ms: ms } }),
    ];
  }
}

function wrongSession(session: JsonObject): readonly [string, string] | null {
  if (textAt(session, "model") === null) return ["bad_event", "no model"];
  const formats = ["input_audio_format", "output_audio_format"].map(
    (name) => textAt(session, name) ?? "pcm16",
  );
  if (formats.some((format) => !["pcm16", "pcm_f32le", "g711_ulaw", "g711_alaw"].includes(format)))
    return ["unsupported_audio_format", formats.join()];
  const turn = session["turn_detection"] ?? null;
  if (turn !== null && textAt(turn as JsonObject, "type") !== "server_vad")
    return ["unsupported_turn_detection", "turn_detection"];
  const modalities = session["modalities"];
  if (!Array.isArray(modalities) || modalities.some((one) => one !== "audio" && one !== "text"))
    return ["bad_event", "modalities"];
  const rate = session["sample_rate_hz"];
  return typeof rate === "number" && rate > 0 ? null : ["unsupported_audio_format", "sample_rate_hz"];
}
