/**
 * Google's Gemini Live (`BidiGenerateContent`). The wire is that of the types of `@google/genai` 3.3 and of recorded sockets;
 * docs/upstreams.md says what it cannot do and what is done instead.
 */
import { type AudioFormat, isRateHz, PCM_24K, type ProviderFormat } from "../../audio/format.ts";
import type { Json } from "../../protocol/json.ts";
import { type Carry, PieceDecoder } from "../common/audio-carry.ts";
import { Heard, type HeardState } from "../common/heard.ts";
import { eventOf, NO_EVENT } from "../common/event-of.ts";
import { boundOwed, keptOwed, owedAgain } from "../common/owed.ts";
import { nameAt, objectAt, objectsAt, textAt } from "../json.ts";
import { closeFault } from "../openai-compatible/words.ts";
import { createRedactor, type Redactor } from "../redact.ts";
import type {
  Capabilities,
  Command,
  DialRequest,
  JsonObject,
  Leaves,
  Upstream,
  UpstreamConfig,
} from "../upstream.ts";
import { addCall, messageOf } from "../common/unnamed-answer.ts";
import { Answers, type AnswersState } from "../common/unnamed-answers.ts";
import type { UpstreamEvent, UpstreamFault, UpstreamOptions, WireMessage } from "../upstream.ts";
import { durationMs } from "./contents.ts";
import { type GeminiSettings, readSettings } from "./settings.ts";
import { Resumption, type ResumptionState } from "./resumption.ts";
import { changes, setupMessage } from "./setup.ts";
import { Upload, type UploadState } from "./upload.ts";
import { usageOf } from "./usage.ts";

const INPUT: AudioFormat = { type: "audio/pcm", rate: 16_000 };
const MAX_MESSAGE_CHARS = 16 * 1024 * 1024;
const MAX_PARTS = 256;
/** A `goAway` that does not say when is taken to leave this: Google has announced the end some time before it. */
const UNTOLD_MS = 10_000;
/** Events after which there is more to remember. */
const SAYS: ReadonlySet<UpstreamEvent["type"]> = new Set([
  "reply",
  "speech",
  "response.started",
  "item.started",
  "audio",
  "text",
  "transcript",
]);
const GIVEN_UP: JsonObject = { error: "The application gave up this answer." };

/** @throws UpstreamOptionsError naming the field. */
export function createGeminiLive(options: UpstreamOptions): Upstream {
  return new GeminiUpstream(readSettings(options));
}

type CodecState = {
  readonly ready: boolean;
  readonly rate: number;
  readonly odd: number;
  readonly config: JsonObject | null;
  readonly speaking: boolean;
  readonly turns: number;
  readonly answers: AnswersState;
  readonly heard: HeardState;
  readonly upload: UploadState;
  readonly resumption?: ResumptionState;
  /** Events that wait for the next message. */
  readonly owed: readonly JsonObject[];
};

class GeminiUpstream implements Upstream {
  readonly #settings: GeminiSettings;
  readonly #redactor: Redactor;
  readonly #answers = new Answers();
  readonly #heard = new Heard();
  readonly #upload: Upload;
  readonly #resumption = new Resumption();
  readonly #decoder = new PieceDecoder();
  readonly #carry: Carry = { odd: -1 };
  /** Told with the next message: an adapter speaks only when it is spoken to. */
  readonly #owed: UpstreamEvent[] = [];
  #capabilities: Capabilities;
  #config: UpstreamConfig | null = null;
  #ready = false;
  /** `turns: "server"`: the caller is heard, and the model has not answered yet. */
  #speaking = false;
  /** Turns that the provider took, for their keys. */
  #turns = 0;

  constructor(settings: GeminiSettings) {
    this.#settings = settings;
    this.#upload = new Upload(settings.seeds);
    this.#redactor = createRedactor(settings.request.headers, settings.request.url);
    this.#capabilities = describe(settings, PCM_24K);
  }

  get capabilities(): Capabilities {
    return this.#capabilities;
  }

  request(): DialRequest {
    return this.#settings.request;
  }

  greet(config: UpstreamConfig): readonly WireMessage[] {
    this.#config = config;
    return [JSON.stringify(setupMessage(this.#settings, config, this.#resumption))];
  }

  get leaves(): Leaves | null {
    return this.#ready && this.#resumption.handle !== null ? "memory" : null;
  }

  goOn(snapshot: JsonObject): void {
    const { resumption } = snapshot as unknown as CodecState;
    this.#resumption.goOn(resumption?.handle ?? null);
    if (this.#resumption.resumed) this.#upload.resumed();
  }

  encode(command: Command): readonly WireMessage[] {
    const messages = this.#encode(command);
    // Where Google hears everything, silence says nothing, and speech is told.
    const says = command.type !== "audio" || this.#settings.turns === "client";
    if (messages.length > 0 && says) this.#resumption.stale();
    boundOwed(this.#owed);
    return messages;
  }

  #encode(command: Command): readonly WireMessage[] {
    switch (command.type) {
      case "audio":
        return this.#audio(command.chunk.base64());
      case "configure":
        return this.#configure(command.config);
      case "commit":
        this.#owed.push(...this.#heard.committed(command.itemId));
        return [];
      case "respond":
        return this.#answers.ask(command.responseId, this.#owed) ? this.#ask() : [];
      case "cancel":
        this.#answers.cancel(command.responseId, this.#owed);
        return this.#released();
      case "item":
        if (!this.#upload.add(command.item, command.cause === undefined))
          this.#noRoom(command.item.id, command.cause ?? null);
        return this.#tells ? this.#told() : [];
      case "named":
        if (command.what === "response") this.#answers.named(command.key, command.id);
        return [];
      // What was heard cannot be taken back, nor can anything else: there is no such message.
      case "clear":
      case "delete":
      case "truncate":
      case "keepalive":
        return [];
      default:
        return command satisfies never;
    }
  }

  decode(message: WireMessage): readonly UpstreamEvent[] {
    const out: UpstreamEvent[] = this.#owed.splice(0);
    const event = eventOf(message, MAX_MESSAGE_CHARS);
    if (event === null) {
      out.push(NO_EVENT);
      return out;
    }
    this.#message(event, out);
    for (const data of this.#released()) out.push({ type: "reply", data });
    if (out.some(({ type }) => SAYS.has(type))) this.#resumption.stale();
    const update = objectAt(event, "sessionResumptionUpdate");
    if (update !== null) this.#resumption.update(update);
    return out;
  }

  /** A transcript that may still grow, or an answer whose end is late. */
  get held(): number {
    if (this.#heard.open) return this.#heard.length + (this.#answers.ending ? 0.5 : 0);
    return this.#answers.ending ? 0.5 : 0;
  }

  get unbilled(): JsonObject | null {
    return this.#answers.unbilled;
  }

  settle(): readonly UpstreamEvent[] {
    const out = [...this.#heard.end(), ...this.#answers.settle()];
    for (const data of this.#released()) out.push({ type: "reply", data });
    return out;
  }

  closed(code: number, reason: string): UpstreamFault | null {
    const said = this.#redactor.text(reason);
    const fault = closeFault(code, said);
    // Google closes with 1007 or 1008 and says in words what it was.
    if (fault === null || (code !== 1007 && code !== 1008)) return fault;
    if (/api.?key|credential|unauthenticated|auth.?token/i.test(reason))
      return { ...fault, code: "upstream_unauthorized" };
    if (/quota|rate.?limit|exhausted/i.test(reason)) return { ...fault, code: "upstream_rate_limited" };
    if (/not found|not supported for/i.test(reason)) return { ...fault, code: "upstream_not_found" };
    return fault;
  }

  snapshot(): JsonObject {
    const state: CodecState = {
      ready: this.#ready,
      rate: this.#capabilities.output.type === "audio/pcm" ? this.#capabilities.output.rate : 24_000,
      odd: this.#carry.odd,
      config: this.#config === null ? null : { ...this.#config },
      speaking: this.#speaking,
      turns: this.#turns,
      answers: this.#answers.snapshot(),
      heard: this.#heard.snapshot(),
      upload: this.#upload.snapshot(),
      resumption: this.#resumption.snapshot(),
      owed: keptOwed(this.#owed),
    };
    return state;
  }

  restore(snapshot: JsonObject): void {
    // Our own writing, inside the session's versioned snapshot.
    const state = snapshot as unknown as CodecState;
    this.#ready = state.ready;
    this.#format(state.rate);
    this.#carry.odd = state.odd;
    this.#config = state.config as UpstreamConfig | null;
    this.#speaking = state.speaking;
    this.#turns = state.turns;
    this.#answers.restore(state.answers);
    this.#heard.restore(state.heard);
    this.#upload.restore(state.upload);
    this.#resumption.restore(state.resumption);
    this.#owed.push(...owedAgain(state.owed));
  }

  /** A provider that takes the turns is told at once what it may need for one, but not while it speaks. */
  get #tells(): boolean {
    return this.#settings.turns === "server" && this.#ready && !this.#answers.running && this.#upload.tells;
  }

  #audio(base64: string): readonly WireMessage[] {
    const audio = `{"realtimeInput":{"audio":{"data":"${base64}","mimeType":"audio/pcm;rate=16000"}}}`;
    if (this.#settings.turns === "server") return this.#upload.tells ? [audio] : [...this.#told(), audio];
    if (this.#upload.activity) return [audio];
    this.#upload.activity = true;
    this.#owed.push(...this.#heard.end());
    return [...this.#told(), '{"realtimeInput":{"activityStart":{}}}', audio];
  }

  #told(): readonly WireMessage[] {
    return this.#upload.take().map((message) => JSON.stringify(message));
  }

  #ask(): readonly WireMessage[] {
    return this.#upload.ask(this.#settings.turns === "server").map((message) => JSON.stringify(message));
  }

  /** What waited for the end of an answer. */
  #released(): readonly WireMessage[] {
    if (this.#answers.next() !== null) return this.#ask();
    return this.#tells ? this.#told() : [];
  }

  #configure(config: UpstreamConfig): readonly WireMessage[] {
    const before = this.#config;
    this.#config = config;
    if (before === null) return [];
    const { update, refused } = changes(this.#settings, before, config);
    if (refused.length > 0) this.#owed.push({ type: "unconfigured", fields: refused });
    return update === null ? [] : [JSON.stringify(update)];
  }

  #noRoom(id: string, cause: string | null): void {
    const error = { code: "upstream_busy", message: "Too much waits to be told to the provider." };
    this.#owed.push({ type: "refused", what: "item", id, cause, error });
  }

  #message(event: JsonObject, out: UpstreamEvent[]): void {
    if (event["setupComplete"] !== undefined && !this.#ready) {
      this.#ready = true;
      out.push({ type: "ready" });
    }
    const usage = objectAt(event, "usageMetadata");
    if (usage !== null) this.#answers.used(usageOf(usage));
    const content = objectAt(event, "serverContent");
    if (content !== null) this.#content(content, out);
    const calls = objectAt(event, "toolCall");
    if (calls !== null) this.#calls(objectsAt(calls, "functionCalls"), out);
    const uncalled = objectAt(event, "toolCallCancellation");
    if (uncalled !== null) this.#upload.uncalled(textsAt(uncalled, "ids"));
    const goAway = objectAt(event, "goAway");
    if (goAway !== null)
      out.push({ type: "expiring", inMs: durationMs(textAt(goAway, "timeLeft")) ?? UNTOLD_MS });
    // The types call it `voiceActivityType`, recorded sockets of Gemini 3.8 `type`.
    const activity = objectAt(event, "voiceActivity");
    const state = nameAt(activity, "type") ?? nameAt(activity, "voiceActivityType");
    if (state === "ACTIVITY_START") this.#spoken(out);
    const fault = objectAt(event, "error");
    if (fault !== null) this.#fault(fault, out);
  }

  #content(content: JsonObject, out: UpstreamEvent[]): void {
    const heard = textAt(objectAt(content, "inputTranscription"), "text");
    if (heard !== null && heard !== "") this.#words(heard, out);
    if (objectAt(content, "inputTranscription")?.["finished"] === true) out.push(...this.#heard.end());
    const parts = objectsAt(objectAt(content, "modelTurn"), "parts").slice(0, MAX_PARTS);
    for (const part of parts) this.#part(part, parts.length > 1, out);
    const said = textAt(objectAt(content, "outputTranscription"), "text");
    if (said !== null && said !== "") this.#say("transcript", said, out);
    if (content["generationComplete"] === true) out.push(...this.#answers.generated());
    if (content["interrupted"] === true) {
      const ended = this.#answers.interrupted();
      if (ended.length > 0 && this.#settings.turns === "server") out.push({ type: "interrupted" });
      this.#over(ended, out);
    }
    if (content["turnComplete"] === true) this.#over(this.#answers.turnComplete(), out);
  }

  #part(part: JsonObject, several: boolean, out: UpstreamEvent[]): void {
    if (part["thought"] === true) return;
    const blob = objectAt(part, "inlineData");
    const mimeType = textAt(blob, "mimeType") ?? "";
    const data = textAt(blob, "data");
    if (data !== null && mimeType.startsWith("audio/pcm")) this.#sound(data, mimeType, several, out);
    const text = textAt(part, "text");
    if (text !== null && text !== "" && this.#config?.modality === "text") this.#say("text", text, out);
  }

  #sound(data: string, mimeType: string, several: boolean, out: UpstreamEvent[]): void {
    const answer = this.#begun(out);
    if (answer === null) return;
    const rate = Number(/rate=(\d+)/.exec(mimeType)?.[1] ?? 24_000);
    if (isRateHz(rate)) this.#format(rate);
    const bytes = this.#decoder.decode(data, 2, this.#carry);
    if (bytes === null) {
      const error = { code: "upstream_protocol_error", message: "Audio of the provider is no base64." };
      out.push({ type: "error", error, fatal: false });
    } else if (bytes.length > 0) {
      const item = messageOf(answer, out);
      // The decoder's memory is one, and the next part of the same message would write over it.
      out.push({ type: "audio", response: answer.key, item, bytes: several ? bytes.slice() : bytes });
    }
  }

  #say(type: "transcript" | "text", delta: string, out: UpstreamEvent[]): void {
    const answer = this.#begun(out, type === "transcript");
    if (answer === null) return;
    const item = messageOf(answer, out);
    out.push({ type, response: answer.key, item, delta });
  }

  #calls(calls: readonly JsonObject[], out: UpstreamEvent[]): void {
    const answer = this.#begun(out);
    const given: JsonObject[] = [];
    for (const call of calls.slice(0, MAX_PARTS)) {
      const name = nameAt(call, "name");
      const callId = nameAt(call, "id");
      if (name === null || callId === null) continue;
      if (answer === null) {
        given.push({ id: callId, name, response: GIVEN_UP });
        continue;
      }
      this.#upload.called(callId, name);
      addCall(answer, name, callId, JSON.stringify(objectAt(call, "args") ?? {}), out);
    }
    // It hears nobody as long as it waits for a result, and nobody will run these.
    if (given.length > 0)
      out.push({ type: "reply", data: JSON.stringify({ toolResponse: { functionResponses: given } }) });
    if (answer !== null) this.#over(this.#answers.calls(), out);
  }

  /** The answer that something belongs to. A provider that takes the turns has ended the caller's by it. */
  #begun(out: UpstreamEvent[], late = false) {
    const serves = this.#settings.turns === "server";
    if (serves && this.#speaking) {
      this.#speaking = false;
      out.push({ type: "speech", state: "stopped" });
      this.#committed(out);
    }
    const answer = this.#answers.content(serves, out, late);
    if (answer !== null && out.at(-1)?.type === "response.started") this.#carry.odd = -1;
    return answer;
  }

  #committed(out: UpstreamEvent[]): void {
    const item = `heard_${(this.#turns += 1)}`;
    out.push({ type: "committed", item }, ...this.#heard.committed(item));
  }

  /** They keep no order with the answer: those that come with it are of the turn that it answers. */
  #words(text: string, out: UpstreamEvent[]): void {
    if (this.#settings.turns === "server") {
      const answered = this.#answers.begun && !this.#answers.ending && !this.#speaking;
      if (!answered) this.#spoken(out);
      else if (!this.#heard.named) this.#committed(out);
    }
    if (this.#config?.transcription !== null) out.push(...this.#heard.words(text));
  }

  #spoken(out: UpstreamEvent[]): void {
    if (this.#settings.turns !== "server" || this.#speaking) return;
    this.#speaking = true;
    out.push(...this.#heard.end(), { type: "speech", state: "started" });
  }

  #over(ended: readonly UpstreamEvent[], out: UpstreamEvent[]): void {
    if (ended.length > 0) out.push(...this.#heard.end(), ...ended);
  }

  #fault(detail: JsonObject, out: UpstreamEvent[]): void {
    const fault = this.#redactor.fault(
      nameAt(detail, "status")?.toLowerCase() ?? null,
      textAt(detail, "message"),
      "upstream_error",
    );
    out.push({ type: "error", error: fault, fatal: false });
  }

  #format(rate: number): void {
    const { output } = this.#capabilities;
    if (output.type === "audio/pcm" && output.rate === rate) return;
    this.#capabilities = describe(this.#settings, { type: "audio/pcm", rate });
  }
}

function describe({ turns, maxSessionMs }: GeminiSettings, output: ProviderFormat): Capabilities {
  return {
    input: INPUT,
    output,
    turns,
    cancel: true,
    truncate: false,
    text: true,
    tools: true,
    transcription: true,
    outOfBand: false,
    confirms: false,
    resumption: false,
    maxSessionMs,
    keepaliveMs: null,
  };
}

function textsAt(object: JsonObject, key: string): readonly string[] {
  const value: Json | undefined = object[key];
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}
