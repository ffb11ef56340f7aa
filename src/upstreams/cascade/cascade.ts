/**
 * A transcriber, a text model and a synthesiser as one upstream. The transcriber's socket is the connection: it is lost and
 * dialled again as any provider's. Each answer is a request to the text model and one to the synthesiser for its
 * sentences, on channels; docs/upstreams.md says what follows from that.
 */
import { objectsAt } from "../json.ts";
import type { TranscriberUpstream } from "../transcribers/transcriber.ts";
import type {
  Capabilities,
  ChannelEffect,
  Channels,
  Command,
  DialRequest,
  Item,
  JsonObject,
  ResponseHead,
  Upstream,
  UpstreamConfig,
} from "../upstream.ts";
import type { UpstreamEvent, UpstreamFault, UpstreamOptions, WireMessage } from "../upstream.ts";
import { Answers, type AnswersState } from "./answers.ts";
import { Hearing, type HearingState } from "./hearing.ts";
import { entryOf, History, type HistoryState } from "./history.ts";
import { type CascadeSettings, readSettings } from "./settings.ts";

/** Events that may wait to be told; the oldest are given up, and the session's deadlines end what they were about. */
const MAX_OWED = 256;
/** A transcriber that hears nothing between turns is shown that somebody is there. */
const KEEPALIVE_MS = 5000;
/** Waits by the clock: for a turn's words, and to be asked for what is owed. */
const [WORDS, OWED] = ["words", "owed"] as const;
const DEAF: UpstreamFault = {
  code: "upstream_timeout",
  message: "The transcriber has told nothing of several turns in a row.",
};
const NO_RECORDINGS: UpstreamFault = {
  code: "unsupported",
  message: "A cascade takes no audio in created items.",
  type: "invalid_request_error",
};

/** @throws UpstreamOptionsError naming the field. */
export function createCascade(options: UpstreamOptions): Upstream {
  return new CascadeUpstream(readSettings(options));
}

type CodecState = {
  readonly config: JsonObject | null;
  readonly transcriber: JsonObject;
  readonly hearing: HearingState;
  readonly history: HistoryState;
  readonly answers: AnswersState;
  readonly owed: readonly JsonObject[];
};

class CascadeUpstream implements Upstream {
  readonly capabilities: Capabilities;
  readonly channels: Channels = {
    effects: () => this.#effects(),
    opened: (channel, head) => this.#opened(channel, head),
    data: (channel, data) => this.#data(channel, data),
    closed: (channel, code, reason) => this.#closed(channel, code, reason),
    waited: (what) => this.#waited(what),
  };
  readonly #transcriber: TranscriberUpstream;
  readonly #hearing: Hearing;
  readonly #history = new History();
  readonly #answers: Answers;
  #config: UpstreamConfig | null = null;
  /** An adapter speaks only when it is spoken to: what a command led to is told a moment later. */
  readonly #owed: UpstreamEvent[] = [];

  constructor(settings: CascadeSettings) {
    this.#transcriber = settings.createTranscriber();
    this.#hearing = new Hearing(this.#transcriber, settings.finishes, settings.wordsMs);
    this.#answers = new Answers(settings, this.#history);
    this.capabilities = {
      ...this.#transcriber.capabilities,
      output: settings.speech.format,
      turns: "client",
      cancel: true,
      truncate: true,
      text: true,
      tools: true,
      outOfBand: true,
      wordsFirst: true,
      keepaliveMs: this.#transcriber.capabilities.keepaliveMs ?? KEEPALIVE_MS,
    };
  }

  request(): DialRequest {
    return this.#transcriber.request();
  }

  greet(config: UpstreamConfig): readonly WireMessage[] {
    this.#configure(config);
    const messages = this.#transcriber.greet();
    this.#owed.push(...(this.#transcriber.channels?.waited("ready") ?? []));
    return messages;
  }

  #configure(config: UpstreamConfig): void {
    this.#config = config;
    this.#answers.configure(config);
  }

  encode(command: Command): readonly WireMessage[] {
    if (command.type === "audio") return this.#hearing.hear(command.chunk);
    const messages = this.#encode(command);
    this.#next();
    if (this.#owed.length > MAX_OWED) this.#owed.splice(0, this.#owed.length - MAX_OWED);
    return messages;
  }

  #encode(command: Exclude<Command, { type: "audio" }>): readonly WireMessage[] {
    switch (command.type) {
      case "configure":
        this.#configure(command.config);
        return [];
      case "commit":
        this.#history.add(command.itemId, { kind: "turn", words: null });
        return this.#hearing.commit(command.itemId);
      case "clear":
        return this.#hearing.clear();
      case "respond":
        this.#answers.ask(command, this.#owed);
        return [];
      case "cancel":
        this.#answers.cancel(command.responseId, this.#owed);
        return [];
      case "truncate":
        this.#history.truncate(command.itemId, command.audioEndMs);
        return [];
      case "item":
        this.#item(command.item, command.previousItemId, command.cause ?? null);
        return [];
      case "delete":
        this.#history.delete(command.itemId);
        return [];
      case "named":
        if (command.what === "item") this.#answers.named(command.key, command.id);
        return [];
      case "keepalive": {
        const own = this.#transcriber.encode(command);
        return own.length > 0 ? own : this.#transcriber.silence(1);
      }
      default:
        return command satisfies never;
    }
  }

  #item(item: Item, previousItemId: string | null, cause: string | null): void {
    const entry = entryOf(item);
    if (entry !== null) this.#history.add(item.id, entry, previousItemId);
    else if (objectsAt(item, "content").some((part) => part["type"] === "input_audio"))
      this.#owed.push({ type: "refused", what: "item", id: item.id, cause, error: NO_RECORDINGS });
  }

  /** An answer is asked for when the words are there that it answers. */
  #next(): void {
    if (this.#answers.waits && !this.#hearing.waits) this.#answers.next();
  }

  decode(message: WireMessage): readonly UpstreamEvent[] {
    const out = this.#take();
    for (const event of this.#transcriber.decode(message)) this.#heard(event, out);
    return this.#settled(out);
  }

  #take(): UpstreamEvent[] {
    return this.#owed.splice(0);
  }

  /** The words of turns are told when all of them are there; of its own segments nobody need know. */
  #heard(event: UpstreamEvent, out: UpstreamEvent[]): void {
    const ofWords = event.type === "input.transcript.delta" || event.type === "input.transcript.completed";
    if (!ofWords) out.push(event);
    else for (const data of this.#hearing.told(event)) out.push({ type: "reply", data });
  }

  #settled(out: UpstreamEvent[]): readonly UpstreamEvent[] {
    for (const { itemId, words } of this.#hearing.takeTurns()) {
      this.#history.set(itemId, { kind: "turn", words });
      if (this.#config?.transcription !== null)
        out.push({ type: "input.transcript.completed", itemId, transcript: words, usage: null });
    }
    this.#next();
    return out;
  }

  #effects(): readonly ChannelEffect[] {
    const effects = [...this.#answers.takeEffects()];
    const ms = this.#hearing.takeWait();
    if (ms !== undefined) effects.push({ type: "wait", what: WORDS, ms });
    if (this.#owed.length > 0) effects.push({ type: "wait", what: OWED, ms: 0 });
    return effects;
  }

  #opened(channel: string, head: ResponseHead | null): readonly UpstreamEvent[] {
    this.#answers.opened(channel, head);
    return this.#take();
  }

  #data(channel: string, data: WireMessage): readonly UpstreamEvent[] {
    const out = this.#take();
    this.#answers.data(channel, data, out);
    return this.#settled(out);
  }

  #closed(channel: string, code: number, reason: string): readonly UpstreamEvent[] {
    const out = this.#take();
    this.#answers.closed(channel, code, reason, out);
    return this.#settled(out);
  }

  #waited(what: string): readonly UpstreamEvent[] {
    const out = this.#take();
    // The next connection hears this turn again.
    if (what === WORDS && this.#hearing.deaf) return [...out, { type: "error", error: DEAF, fatal: true }];
    if (what === WORDS) for (const data of this.#hearing.waited()) out.push({ type: "reply", data });
    return this.#settled(out);
  }

  get unbilled(): JsonObject | null {
    return this.#answers.unbilled;
  }

  closed(code: number, reason: string): UpstreamFault | null {
    return this.#transcriber.closed(code, reason);
  }

  snapshot(): JsonObject {
    const state: CodecState = {
      config: this.#config === null ? null : { ...this.#config },
      transcriber: this.#transcriber.snapshot(),
      hearing: this.#hearing.snapshot(),
      history: this.#history.snapshot(),
      answers: this.#answers.snapshot(),
      owed: [...this.#owed] as unknown as readonly JsonObject[],
    };
    return state as unknown as JsonObject;
  }

  restore(snapshot: JsonObject): void {
    // Our own writing, inside the session's versioned snapshot.
    const state = snapshot as unknown as CodecState;
    this.#transcriber.restore(state.transcriber);
    this.#hearing.restore(state.hearing);
    this.#history.restore(state.history);
    this.#answers.restore(state.answers);
    this.#owed.push(...(state.owed as unknown as readonly UpstreamEvent[]));
    if (state.config !== null) this.#configure(state.config as unknown as UpstreamConfig);
  }
}
