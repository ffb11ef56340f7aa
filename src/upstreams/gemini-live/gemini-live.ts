/**
 * Google's Gemini Live (`BidiGenerateContent`). The wire is that of the types of `@google/genai` 3.3 and of recorded sockets;
 * docs/upstreams.md says what it cannot do and what is done instead.
 */
import type { Json } from "../../protocol/json.ts";
import { eventOf } from "../common/event-of.ts";
import { Adapter } from "../common/adapter.ts";
import { TOO_MUCH_WAITS } from "../common/faults.ts";
import { nameAt, objectAt, objectsAt, textAt } from "../json.ts";
import type { Capabilities, Command, JsonObject, Leaves, Upstream, UpstreamConfig } from "../upstream.ts";
import type { UpstreamEvent, UpstreamFault, UpstreamOptions, WireMessage } from "../upstream.ts";
import { capabilitiesOf } from "./capabilities.ts";
import { durationMs, idOf } from "./contents.ts";
import { type CalledFunction, type ConversationState, GeminiConversation } from "./conversation.ts";
import { closeOf, errorOf } from "./faults.ts";
import { type GeminiSettings, readSettings } from "./settings.ts";
import { Resumption, type ResumptionState } from "./resumption.ts";
import { changes, setupMessage } from "./setup.ts";
import { Upload, type UploadState } from "./upload.ts";
import { usageOf } from "./usage.ts";

const MAX_MESSAGE_CHARS = 16 * 1024 * 1024;
const MAX_CALLS = 256;
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

type CodecState = ConversationState & {
  readonly upload: UploadState;
  readonly resumption?: ResumptionState;
};

class GeminiUpstream extends Adapter<CodecState> {
  readonly #settings: GeminiSettings;
  readonly #conversation: GeminiConversation;
  readonly #upload: Upload;
  readonly #resumption = new Resumption();
  #capabilities: Capabilities;

  constructor(settings: GeminiSettings) {
    super(settings.request);
    this.#settings = settings;
    this.#upload = new Upload(settings.seeds);
    this.#conversation = new GeminiConversation(settings.turns === "server");
    this.#capabilities = capabilitiesOf(settings, this.#conversation.output);
  }

  get capabilities(): Capabilities {
    const { output } = this.#conversation;
    if (this.#capabilities.output !== output) this.#capabilities = capabilitiesOf(this.#settings, output);
    return this.#capabilities;
  }

  greet(config: UpstreamConfig): readonly WireMessage[] {
    this.configured(config);
    return [JSON.stringify(setupMessage(this.#settings, config, this.#resumption))];
  }

  get leaves(): Leaves | null {
    return this.ready && this.#resumption.handle !== null ? "memory" : null;
  }

  goOn(snapshot: JsonObject): void {
    const { resumption, upload } = snapshot as unknown as CodecState;
    this.#resumption.goOn(resumption?.handle ?? null);
    if (this.#resumption.resumed) this.#upload.resumed(upload);
  }

  override encode(command: Command): readonly WireMessage[] {
    const messages = super.encode(command);
    // Where Google hears everything, silence says nothing, and speech is told.
    const says = command.type !== "audio" || this.#settings.turns === "client";
    if (messages.length > 0 && says) this.#resumption.stale();
    return messages;
  }

  protected tell(command: Command): readonly WireMessage[] {
    switch (command.type) {
      case "audio":
        return this.#audio(command.chunk.base64());
      case "configure":
        return this.#configure(command.config);
      case "commit":
        this.owed.push(...this.#conversation.heard.committed(command.itemId));
        return [];
      case "respond":
        return this.#conversation.answers.ask(command.responseId, this.owed) ? this.#ask() : [];
      case "cancel":
        this.#conversation.answers.cancel(command.responseId, this.owed);
        return this.#released();
      case "item":
        if (!this.#upload.add(command.item, command.cause === undefined))
          this.refuseItem(command.item, command.cause ?? null, TOO_MUCH_WAITS);
        return this.#tells ? this.#told() : [];
      case "named":
        if (command.what === "response") this.#conversation.answers.named(command.key, command.id);
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
    const out: UpstreamEvent[] = this.owed.splice(0);
    const event = eventOf(message, MAX_MESSAGE_CHARS, out);
    if (event === null) return out;
    this.#message(event, out);
    for (const data of this.#released()) out.push({ type: "reply", data });
    if (out.some(({ type }) => SAYS.has(type))) this.#resumption.stale();
    const update = objectAt(event, "sessionResumptionUpdate");
    if (update !== null) this.#resumption.update(update);
    // It comes about once a second, whether or not the caller is heard.
    if (update !== null && Object.keys(event).length === 1) out.push({ type: "alive" });
    return out;
  }

  get held(): number {
    return this.#conversation.held;
  }

  get unbilled(): JsonObject | null {
    return this.#conversation.answers.unbilled;
  }

  settle(): readonly UpstreamEvent[] {
    const out = [...this.#conversation.heard.end(), ...this.#conversation.answers.settle()];
    for (const data of this.#released()) out.push({ type: "reply", data });
    return out;
  }

  override closed(code: number, reason: string): UpstreamFault | null {
    return closeOf(code, reason, this.redactor);
  }

  protected remembered(): CodecState {
    return {
      ...this.#conversation.snapshot(),
      upload: this.#upload.snapshot(),
      resumption: this.#resumption.snapshot(),
    };
  }

  protected override configured(config: UpstreamConfig): void {
    super.configured(config);
    this.#conversation.config = config;
  }

  protected recall(state: CodecState): void {
    this.#conversation.restore(state);
    this.#upload.restore(state.upload);
    this.#resumption.restore(state.resumption);
  }

  /** A provider that takes the turns is told at once what it may need for one, but not while it speaks. */
  get #tells(): boolean {
    return (
      this.#settings.turns === "server" &&
      this.ready &&
      !this.#conversation.answers.running &&
      this.#upload.tells
    );
  }

  #audio(base64: string): readonly WireMessage[] {
    const audio = `{"realtimeInput":{"audio":{"data":"${base64}","mimeType":"audio/pcm;rate=16000"}}}`;
    if (this.#settings.turns === "server") return this.#upload.tells ? [audio] : [...this.#told(), audio];
    if (this.#upload.activity) return [audio];
    this.#upload.activity = true;
    this.owed.push(...this.#conversation.heard.end());
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
    if (this.#conversation.answers.next() !== null) return this.#ask();
    return this.#tells ? this.#told() : [];
  }

  #configure(config: UpstreamConfig): readonly WireMessage[] {
    const before = this.config;
    this.configured(config);
    if (before === null) return [];
    const { update, refused } = changes(this.#settings, before, config);
    this.untaken(refused);
    return update === null ? [] : [JSON.stringify(update)];
  }

  #message(event: JsonObject, out: UpstreamEvent[]): void {
    if (event["setupComplete"] !== undefined && !this.ready) {
      this.ready = true;
      out.push({ type: "ready" });
    }
    const usage = objectAt(event, "usageMetadata");
    if (usage !== null) this.#conversation.answers.used(usageOf(usage));
    const content = objectAt(event, "serverContent");
    if (content !== null) this.#conversation.content(content, out);
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
    if (state === "ACTIVITY_START") this.#conversation.spoken(out);
    const fault = objectAt(event, "error");
    if (fault !== null) out.push({ type: "error", error: errorOf(fault, this.redactor), fatal: false });
  }

  #calls(calls: readonly JsonObject[], out: UpstreamEvent[]): void {
    const called = calls.slice(0, MAX_CALLS).flatMap((call) => this.#calledOf(call));
    if (this.#conversation.calls(called, out)) {
      for (const { id, name } of called) this.#upload.called(id, name);
      return;
    }
    // It hears nobody as long as it waits for a result, and nobody will run these.
    const functionResponses = called.map(({ id, name }) => ({ ...idOf(id), name, response: GIVEN_UP }));
    if (called.length > 0)
      out.push({ type: "reply", data: JSON.stringify({ toolResponse: { functionResponses } }) });
  }

  /** The function that is called, where its name is one. Vertex AI gives a call no id before Gemini 3. */
  #calledOf(call: JsonObject): readonly CalledFunction[] {
    const name = nameAt(call, "name");
    if (name === null) return [];
    const id = nameAt(call, "id") ?? this.#upload.nameOfCall();
    return [{ id, name, args: JSON.stringify(objectAt(call, "args") ?? {}) }];
  }
}

function textsAt(object: JsonObject, key: string): readonly string[] {
  const value: Json | undefined = object[key];
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}
