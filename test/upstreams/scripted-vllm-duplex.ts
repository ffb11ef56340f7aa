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

const RATE = 24_000;

interface Said {
  readonly item: string;
  ms: number;
  heardMs: number;
  done: boolean;
  words: string;
}

/** The part of the server that outlives sockets. */
export class DuplexSession {
  readonly id: string;
  readonly resumes: boolean;
  token = "token_1";
  attachment = 1;
  seq = 0;
  /** Numbered events that can be said again. */
  journal: { readonly seq: number; readonly text: string }[] = [];
  dropped = 0;
  closed = false;
  expired = false;
  config: JsonObject = {};
  epoch = 0;
  readonly answers = new Map<string, Said>();
  readonly history: JsonObject[] = [];
  readonly calls = new Set<string>();
  active: string | null = null;
  /** The caller's audio since it was taken out. */
  heard: number[] = [];
  hasAudio = false;
  numbered = 0;

  constructor(id: string, resumes: boolean) {
    this.id = id;
    this.resumes = resumes;
  }
}

export interface DuplexServerOptions {
  readonly resumes?: boolean;
  readonly cuts?: boolean;
  /** Taken over from sockets before this one. */
  readonly sessions?: Map<string, DuplexSession>;
}

export class ScriptedVllmDuplex implements ScriptedServer {
  readonly received: JsonObject[] = [];
  readonly refused: string[] = [];
  readonly sessions: Map<string, DuplexSession>;
  session: DuplexSession | null = null;
  /** What it sent, numbered or not. */
  readonly sent: string[] = [];
  readonly #resumes: boolean;
  readonly #cuts: boolean;

  constructor({ resumes = true, cuts = true, sessions = new Map() }: DuplexServerOptions = {}) {
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

  get open(): DuplexSession {
    if (this.session === null) throw new Error("no session is open");
    return this.session;
  }

  /** What its history has of an answer. */
  remembered(response: string): number {
    return this.open.answers.get(response)?.heardMs ?? 0;
  }

  // What it says of its own accord.

  begins(response: string): string[] {
    const { open } = this;
    const item = { id: `item_${response}`, object: "realtime.item", type: "message", role: "assistant" };
    open.active = response;
    open.answers.set(response, { item: item.id, ms: 0, heardMs: 0, done: false, words: "" });
    const added = { ...item, status: "in_progress", content: [] };
    const part = { type: "audio", transcript: "" };
    return [
      this.say("response.created", {
        response_id: response,
        response: { id: response, object: "realtime.response", status: "in_progress", output: [] },
      }),
      this.say("conversation.item.added", { previous_item_id: null, item: added }),
      this.say("conversation.item.created", { previous_item_id: null, item: added }),
      this.say("response.output_item.added", { response_id: response, output_index: 0, item: added }),
      this.say("response.content_part.added", { ...this.#at(response), part }),
    ];
  }

  /** A unit: some sound and the words that go with it. */
  unit(response: string, bytes: Uint8Array, words = ""): string[] {
    const said = this.open.answers.get(response);
    const ms = bytes.length / 2 / (RATE / 1000);
    const speaks =
      said?.ms === 0 ? [this.say("response.speak", { ...this.#at(response), metadata: {} })] : [];
    if (said) {
      said.ms += ms;
      said.words += words;
    }
    const more = { format: "pcm16", sample_rate_hz: RATE, metadata: { epoch: this.open.epoch } };
    return [
      ...speaks,
      this.say("response.output_audio.delta", { ...this.#at(response), delta: bytes.toBase64(), ...more }),
      this.say("response.output_audio_transcript.delta", { ...this.#at(response), delta: words }),
    ];
  }

  ends(response: string, status = "completed", reason = "stop"): string[] {
    const said = this.open.answers.get(response);
    if (!said || said.done) return [];
    said.done = true;
    if (this.open.active === response) this.open.active = null;
    const content = [{ type: "output_audio", transcript: said.words }];
    const item = {
      id: said.item,
      object: "realtime.item",
      type: "message",
      role: "assistant",
      status,
      content,
    };
    return [
      this.say("response.output_audio.done", this.#at(response)),
      this.say("response.output_audio_transcript.done", { ...this.#at(response), transcript: said.words }),
      this.say("response.content_part.done", {
        ...this.#at(response),
        part: { type: "audio", transcript: said.words },
      }),
      this.say("response.output_item.done", { response_id: response, output_index: 0, item }),
      this.say("conversation.item.done", { previous_item_id: null, item }),
      this.say("response.done", {
        response_id: response,
        response: {
          id: response,
          object: "realtime.response",
          status,
          status_details: { type: status, reason },
          output: [item],
        },
      }),
      this.say("rate_limits.updated", { rate_limits: [] }),
    ];
  }

  /** A whole answer, in units of these sizes. */
  answers(response: string, bytes: Uint8Array, sizes: readonly number[] = [48_000], words = ""): string[] {
    const out = this.begins(response);
    for (let at = 0, n = 0; at < bytes.length; n += 1) {
      const size = sizes[n % sizes.length] ?? bytes.length;
      out.push(...this.unit(response, bytes.subarray(at, at + size), at === 0 ? words : ""));
      at += size;
    }
    return [...out, ...this.ends(response)];
  }

  calls(name: string, callId: string, args: string): string[] {
    const response = `resp_call_${(this.open.numbered += 1)}`;
    const item = {
      id: `item_${callId}`,
      object: "realtime.item",
      type: "function_call",
      status: "completed",
      name,
      call_id: callId,
      arguments: args,
    };
    this.open.calls.add(callId);
    const at = { response_id: response, item_id: item.id, output_index: 0, call_id: callId };
    const whole = { id: response, object: "realtime.response", metadata: {} };
    return [
      this.say("response.created", {
        response_id: response,
        response: { ...whole, status: "in_progress", output: [] },
      }),
      this.say("response.output_item.added", { response_id: response, output_index: 0, item }),
      this.say("response.function_call_arguments.delta", { ...at, delta: args }),
      this.say("response.function_call_arguments.done", { ...at, arguments: args }),
      this.say("response.output_item.done", { response_id: response, output_index: 0, item }),
      this.say("response.done", {
        response_id: response,
        response: { ...whole, status: "completed", output: [item] },
      }),
    ];
  }

  listens(): string {
    const { id, epoch } = this.open;
    const metadata = { type: "response.listen", reason: "model_listen" };
    return this.say("response.listen", {
      session_id: id,
      epoch,
      response: { object: "realtime.response", status: "listening", metadata },
    });
  }

  /** It gives way to the caller. */
  givesWay(): string[] {
    const { active } = this.open;
    const decision = { policy: "barge_in_on_speech", action: "barge_in", reason: "server_vad", metadata: {} };
    return [
      this.say("overlap.decision", { session_id: this.open.id, epoch: this.open.epoch++, ...decision }),
      ...(active === null ? [] : this.ends(active, "cancelled", "barge_in")),
    ];
  }

  close(type = "session.closed", reason = "session_close"): string {
    this.open.closed = true;
    return this.say(type, { session_id: this.open.id, reason });
  }

  /** An event of the session's: numbered, and kept for whoever takes it over. */
  say(type: string, members: JsonObject): string {
    const { open } = this;
    open.seq += 1;
    const text = JSON.stringify({
      type,
      event_id: `event_${open.seq}`,
      ...members,
      server_event_seq: open.seq,
    });
    open.journal.push({ seq: open.seq, text });
    this.sent.push(text);
    return text;
  }

  error(code: string, message = "It is not so.", eventId: string | null = null): string {
    const error = {
      type: "invalid_request_error",
      code,
      message,
      ...(eventId === null ? {} : { event_id: eventId }),
    };
    return JSON.stringify({ type: "error", event_id: "event_error", error });
  }

  #at(response: string): JsonObject {
    return { response_id: response, item_id: `item_${response}`, output_index: 0, content_index: 0 };
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
    switch (event["type"]) {
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
        return [this.#refuse(event, "unknown_event", String(event["type"]))];
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
