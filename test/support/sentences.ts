/** Calls in which the relay has a voice of its own: its requests are looked at, and answered piece by piece. */
import type { Action } from "../../src/session/io.ts";
import type { Plan } from "../../src/session/state/plan.ts";
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { textAt } from "../../src/upstreams/json.ts";
import { byType } from "./answering.ts";
import { Call, type CallOptions, type Received } from "./call.ts";
import { voice } from "./signal.ts";
import { Watcher } from "./watcher.ts";

export const SPEECH_KEY = "sk-voice-0123456789abcdef0123456789";

export const SPEECH: NonNullable<Plan["speech"]> = {
  options: {
    adapter: "openai-speech",
    url: "https://voice.test/v1/audio/speech",
    model: "speaker",
    headers: { Authorization: `Bearer ${SPEECH_KEY}` },
  },
  clients: false,
};

export interface Observed {
  readonly call: Call;
  readonly observer: Watcher;
}

export function observed(options: CallOptions = {}): Observed {
  const call = new Call({ dialect: "duplex.v1", speech: SPEECH, ...options });
  return { call, observer: new Watcher(call) };
}

/** `relay.say` of words. */
export const saying = (text: string, more: JsonObject = {}): JsonObject => {
  return { type: "relay.say", say_id: "a", text, ...more };
};

type Dialled = Extract<Action, { type: "dial" }>;

/** Requests to the voice so far. */
export function requests(call: Call): readonly Dialled[] {
  return call.actions.filter(
    (action): action is Dialled => action.type === "dial" && action.peer.startsWith("speech/"),
  );
}

/** The words of each. */
export const askedTexts = (call: Call): readonly string[] =>
  requests(call).map(({ request }) => textAt(parseJsonObject(String(request.http?.body)), "input") ?? "");

/** The request of this number, from 0. */
export class Voicing {
  readonly #call: Call;
  readonly peer: string;

  constructor(call: Call, number = 0) {
    const one = requests(call)[number];
    if (!one) throw new Error(`only ${requests(call).length} requests were made`);
    this.#call = call;
    this.peer = one.peer;
  }

  get open(): boolean {
    return this.#call.open.has(this.peer);
  }

  begins(status = 200, type = "audio/pcm"): this {
    this.#call.input({ type: "open", peer: this.peer, head: { status, type } });
    return this;
  }

  brings(data: Uint8Array | string): this {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    this.#call.input({ type: "message", peer: this.peer, data: bytes });
    return this;
  }

  ends(code = 1000, reason = ""): void {
    this.#call.open.delete(this.peer);
    this.#call.input({ type: "close", peer: this.peer, code, reason });
  }

  /** So many milliseconds of a voice, whole. */
  says(ms = 500): void {
    this.begins().brings(samples(ms)).ends();
  }
}

export const samples = (ms: number): Uint8Array => new Uint8Array(voice(ms).slice().buffer);

/** What was told of announcements, in short. */
export const became = ({ events }: { readonly events: readonly Received[] }): readonly string[] =>
  events
    .filter(({ type }) => type.startsWith("relay.say."))
    .map(({ type, reason }) => {
      const what = type.slice("relay.say.".length);
      return typeof reason === "string" ? `${what} ${reason}` : what;
    });

type Answer = {
  readonly id: string;
  readonly metadata: { readonly relay?: string } | null;
  readonly relay?: { readonly ordinal: number };
};

/** Answers of the relay's own. */
export const own = (call: Call, kind = "announcement", type = "response.created"): readonly Answer[] =>
  byType(call, type)
    .map((event) => event["response"] as Answer)
    .filter(({ metadata }) => metadata?.relay === kind);

/** Milliseconds of it that the client was sent. */
export function sentMs(call: Call, answer: Answer | undefined): number {
  const frames = call.frames.filter(({ header }) => header.response === answer?.relay?.ordinal);
  return Math.round(frames.reduce((sum, { payload }) => sum + payload.byteLength / 48, 0));
}

/** Words that the client was shown of it. */
export function wordsOf(call: Call, answer: Answer | undefined): string {
  return byType(call, "response.output_audio_transcript.delta")
    .filter((event) => event["response_id"] === answer?.id)
    .map(({ delta }) => String(delta))
    .join("");
}
