/** What a server of vLLM-Omni's duplex sessions keeps of a session, and what it says in one of its own accord. */
import type { JsonObject } from "../../src/protocol/json.ts";

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

export class DuplexVoice {
  session: DuplexSession | null = null;
  /** What it sent, numbered or not. */
  readonly sent: string[] = [];

  get open(): DuplexSession {
    if (this.session === null) throw new Error("no session is open");
    return this.session;
  }

  /** What its history has of an answer. */
  remembered(response: string): number {
    return this.open.answers.get(response)?.heardMs ?? 0;
  }

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
      this.say("response.content_part.added", { ...this.at(response), part }),
    ];
  }

  /** A unit: some sound and the words that go with it. */
  unit(response: string, bytes: Uint8Array, words = ""): string[] {
    const said = this.open.answers.get(response);
    const ms = bytes.length / 2 / (RATE / 1000);
    const speaks = said?.ms === 0 ? [this.say("response.speak", { ...this.at(response), metadata: {} })] : [];
    if (said) {
      said.ms += ms;
      said.words += words;
    }
    const more = { format: "pcm16", sample_rate_hz: RATE, metadata: { epoch: this.open.epoch } };
    return [
      ...speaks,
      this.say("response.output_audio.delta", { ...this.at(response), delta: bytes.toBase64(), ...more }),
      this.say("response.output_audio_transcript.delta", { ...this.at(response), delta: words }),
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
      this.say("response.output_audio.done", this.at(response)),
      this.say("response.output_audio_transcript.done", { ...this.at(response), transcript: said.words }),
      this.say("response.content_part.done", {
        ...this.at(response),
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

  protected at(response: string): JsonObject {
    return { response_id: response, item_id: `item_${response}`, output_index: 0, content_index: 0 };
  }
}
