/**
 * What the relay asks of a provider, and what a provider tells the relay. An adapter is a pure codec between
 * these commands and events and one provider's wire: it opens no socket, reads no clock and draws no random
 * number. The session asks `capabilities`, never a provider's name.
 *
 * Two classes of upstream share this interface: turn-based models (`turns: "client" | "server"`), which are
 * committed to, asked to respond, cancelled and truncated; and duplex models (`turns: "none"`), which hear
 * everything and speak when they like.
 *
 * Identifiers: items and responses are named by the session. An adapter translates to and from the provider's
 * own names and never shows those to the session, except as the opaque `key` of something the session has not
 * named yet.
 */
import type { AudioFormat, ProviderFormat } from "../audio/format.ts";
import type { Json, JsonObject } from "../protocol/json.ts";

export type { Json, JsonObject };

/** One WebSocket message: text or binary. */
export type WireMessage = string | Uint8Array;

/** Where and how to dial; the shell opens the socket (`fetch` with `Upgrade` on Workers, so any header works). */
export interface DialRequest {
  /** `http:` or `https:`. The in-process upstreams use `loop:`: what they `encode` is handed to their `decode`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Offered in `Sec-WebSocket-Protocol`. */
  readonly protocols: readonly string[];
  /** The query's parameter that names the connection: the session draws a name for each, unless `url` has one. */
  readonly named?: string;
  /** An HTTP request, whose response is handed in as it comes; absent: a WebSocket. For channels only. */
  readonly http?: HttpRequest;
  /** A model that a binding of the Worker runs: nothing is dialled, and `url` only names it. */
  readonly run?: ModelRun;
}

/** What Workers AI's binding is asked: `run(model, inputs)`. */
export interface ModelRun {
  /** The binding's name in the Worker's environment. */
  readonly binding: string;
  readonly model: string;
  readonly inputs: JsonObject;
  /** A WebSocket, or a response that is handed in as an HTTP request's; the latter for channels only. */
  readonly gives: "socket" | "response";
}

export interface HttpRequest {
  readonly method: "POST";
  readonly body: string | Uint8Array;
}

/** What an HTTP response says before its body. */
export interface ResponseHead {
  readonly status: number;
  /** Its media type in lower case, without parameters; "": it states none. */
  readonly type: string;
}

export interface Capabilities {
  /** Format of the bytes in an `audio` command. */
  readonly input: AudioFormat;
  /** Format of the bytes in an `audio` event. Read after `ready`: a provider's handshake may decide it. */
  readonly output: ProviderFormat;
  /**
   * Who decides that a turn is over. `client`: the relay commits and asks for responses; the provider's own
   * detection is off and it hears only turns. `server`: the provider hears everything and announces speech and
   * responses. `none`: duplex, there are no turns.
   */
  readonly turns: "client" | "server" | "none";
  readonly cancel: boolean;
  readonly truncate: boolean;
  /** Takes text items from the user. */
  readonly text: boolean;
  readonly tools: boolean;
  /** Transcribes what the user says. */
  readonly transcription: boolean;
  /** The words of an answer come no later than their sound; absent: nobody knows. */
  readonly wordsFirst?: boolean;
  /** Answers `respond` with `conversation: "none"` outside the conversation. */
  readonly outOfBand: boolean;
  /** Says of each configuration that it was given whether it took it (`configured`, `unconfigured`). */
  readonly confirms: boolean;
  /** A new connection may continue an old one by a handle given in a `resumable` event. */
  readonly resumption: boolean;
  /** The provider closes a connection at this age; null: no limit known. */
  readonly maxSessionMs: number | null;
  /** Something must be sent at least this often; null: not needed. The adapter says what in `keepalive`. */
  readonly keepaliveMs: number | null;
}

/** One frame of caller audio in the upstream's input format. Base64 is made at most once per format. */
export interface AudioChunk {
  /** A view that is valid only during the call. Even length for PCM. */
  readonly bytes: Uint8Array;
  /** It is never written to: what has to wait need not be copied. */
  readonly lasting?: true;
  base64(): string;
}

/** The part of the session's configuration that a model may be told. Unknown keys of the client are kept. */
export interface UpstreamConfig {
  readonly kind: "conversation" | "transcription";
  readonly instructions: string;
  readonly modality: "audio" | "text";
  /** OpenAI function tools, verbatim. */
  readonly tools: readonly JsonObject[];
  readonly toolChoice: Json;
  readonly maxOutputTokens: number | "inf";
  /** Null: leave it to the provider's default. */
  readonly voice: Json;
  readonly speed: number;
  /** OpenAI `audio.input.transcription`, verbatim, or null. */
  readonly transcription: JsonObject | null;
  /** OpenAI `audio.input.turn_detection`, verbatim: for adapters with `turns: "server"`. */
  readonly turnDetection: JsonObject | null;
  /** Further session keys the client set (reasoning, prompt, tracing, truncation, include …), verbatim. */
  readonly extra: JsonObject;
}

/** An item in OpenAI's shape (`message`, `function_call`, `function_call_output`, …); `id` is the session's. */
export type Item = JsonObject & { readonly id: string; readonly type: string };

export interface RespondOptions {
  /** The client's `response.create` parameters, verbatim, without `metadata`; `{}` for an automatic answer. */
  readonly params: JsonObject;
  readonly outOfBand: boolean;
}

/** A client's event that a command was made for: its `event_id`, so that a refusal can name it. */
export type Caused = { readonly cause?: string };

export type Command = Caused & PlainCommand;

type PlainCommand =
  | { readonly type: "configure"; readonly config: UpstreamConfig }
  | { readonly type: "audio"; readonly chunk: AudioChunk }
  /** The turn is over: everything sent by `audio` since the last commit or clear is the user item `itemId`. */
  | { readonly type: "commit"; readonly itemId: string }
  | { readonly type: "clear" }
  | { readonly type: "respond"; readonly responseId: string; readonly options: RespondOptions }
  /** `overdue`: it was given up because it did not begin or go on in its time. */
  | { readonly type: "cancel"; readonly responseId: string; readonly overdue?: true }
  /** The listener heard `audioEndMs` of this item's audio and no more. */
  | {
      readonly type: "truncate";
      readonly itemId: string;
      readonly contentIndex: number;
      readonly audioEndMs: number;
    }
  /** Add an item after `previousItemId` (null: at the end, `"root"`: at the front). */
  | { readonly type: "item"; readonly item: Item; readonly previousItemId: string | null }
  | { readonly type: "delete"; readonly itemId: string }
  /**
   * What an event called `key` (an item of the model, a response that nobody asked for, a turn of the provider's)
   * is `id` in further commands. Until then the key itself may be used. Sends nothing.
   */
  | { readonly type: "named"; readonly what: "item" | "response"; readonly key: string; readonly id: string }
  /** `keepaliveMs` passed without anything sent. */
  | { readonly type: "keepalive" };

/**
 * `response` and `item` in events are the adapter's keys: any strings that are stable and unique within the link.
 * The session maps them to its own identifiers at `response.started` and `item.started`.
 */
export type UpstreamEvent =
  /** Configured, and everything may be sent. Until this the session keeps its commands in a bounded backlog. */
  | { readonly type: "ready" }
  /** Send this now (pong, acknowledgement): protocol housekeeping that the session need not understand. */
  | { readonly type: "reply"; readonly data: WireMessage }
  /**
   * `answers`: the session's response id of the `respond` it answers, or null when the model began by itself.
   * `goesOn`: it speaks on while a function that it called runs, and is heard though nobody asked it to.
   */
  | {
      readonly type: "response.started";
      readonly response: string;
      readonly answers: string | null;
      readonly goesOn?: true;
    }
  /** A message item or a function call begins in a response. Must precede its audio, text and arguments. */
  | {
      readonly type: "item.started";
      readonly response: string;
      readonly item: string;
      readonly kind: "message";
    }
  | {
      readonly type: "item.started";
      readonly response: string;
      readonly item: string;
      readonly kind: "function_call";
      readonly name: string;
      readonly callId: string;
    }
  /** An item of a kind that the relay does not know (`mcp_call`, what comes next): the provider's object, verbatim. */
  | {
      readonly type: "item.started";
      readonly response: string;
      readonly item: string;
      readonly kind: "other";
      readonly whole: JsonObject;
    }
  /** Something about such an item, in the provider's words (`response.mcp_call_arguments.delta`). */
  | {
      readonly type: "item.event";
      readonly response: string;
      readonly item: string;
      readonly event: JsonObject;
    }
  /** A content part of a message begins; one that begins without a word is begun by its first delta. */
  | {
      readonly type: "part.started";
      readonly response: string;
      readonly item: string;
      readonly part: number;
      readonly kind: "audio" | "text";
    }
  /** Nothing more of a part comes. One that is not told ends with its item. */
  | {
      readonly type: "part.done";
      readonly response: string;
      readonly item: string;
      readonly part: number;
    }
  /** Audio in `capabilities.output` format. `bytes` is a view valid only until the adapter's next call. */
  | {
      readonly type: "audio";
      readonly response: string;
      readonly item: string;
      /** `content_index` of a message with several parts; absent: 0. So for words too. */
      readonly part?: number;
      readonly bytes: Uint8Array;
    }
  /** What the model is saying, in step with its audio as far as the provider keeps step. */
  | {
      readonly type: "transcript";
      readonly response: string;
      readonly item: string;
      readonly part?: number;
      readonly delta: string;
    }
  /** Text output (`output_modalities: ["text"]`). */
  | {
      readonly type: "text";
      readonly response: string;
      readonly item: string;
      readonly part?: number;
      readonly delta: string;
    }
  | { readonly type: "arguments"; readonly response: string; readonly item: string; readonly delta: string }
  | {
      readonly type: "item.done";
      readonly response: string;
      readonly item: string;
      /** As the provider ended it: a call that was cut off is `incomplete`, and no tool may run for it. */
      readonly status: "completed" | "incomplete";
      /** The whole of a function call's, where the provider repeats or only then gives it. */
      readonly arguments?: string;
      /** Of an item of kind `other`: the provider's object at its end, verbatim. */
      readonly whole?: JsonObject;
    }
  | {
      readonly type: "response.done";
      readonly response: string;
      readonly status: "completed" | "cancelled" | "incomplete" | "failed";
      /** OpenAI `status_details.reason` or the provider's word; null when completed. */
      readonly reason: string | null;
      readonly error: UpstreamFault | null;
      /** OpenAI's usage shape, or null where the provider gives none. */
      readonly usage: JsonObject | null;
      /** Extra metadata the model attached, verbatim, or null. */
      readonly metadata: JsonObject | null;
    }
  /** Transcript of the user item `itemId` (the session's id). `extra`: what else was said of it (`logprobs` …). */
  | {
      readonly type: "input.transcript.delta";
      readonly itemId: string;
      readonly delta: string;
      readonly part?: number;
      readonly extra?: JsonObject;
    }
  | {
      readonly type: "input.transcript.completed";
      readonly itemId: string;
      readonly transcript: string;
      readonly usage: JsonObject | null;
      readonly part?: number;
      readonly extra?: JsonObject;
    }
  /** One segment of a diarized transcript: the provider's members, verbatim. */
  | { readonly type: "input.transcript.segment"; readonly itemId: string; readonly segment: JsonObject }
  | { readonly type: "input.transcript.failed"; readonly itemId: string; readonly error: UpstreamFault }
  /**
   * The provider put an item into the conversation that belongs to no response (`mcp_list_tools`): its object, verbatim,
   * under its key, when it begins (`done` false) and when it is whole.
   */
  | {
      readonly type: "item.placed";
      readonly item: string;
      readonly whole: JsonObject;
      readonly done: boolean;
    }
  /**
   * An event that the relay has no part in, for the client; `item`, `inResponse`: the keys of what it is about, the latter
   * of a response that goes on.
   */
  | {
      readonly type: "passed";
      readonly item: string | null;
      readonly inResponse?: string;
      readonly event: JsonObject;
    }
  /**
   * `turns: "server"` only: the provider's own detection. `committed`: it came while a commit of ours was on its way, and may
   * be of what that takes.
   */
  | { readonly type: "speech"; readonly state: "started" | "stopped"; readonly committed?: true }
  /** `turns: "server"` only: the provider closed a user turn; `item` is its key for the new user item. */
  | { readonly type: "committed"; readonly item: string }
  /** The model stopped itself because the user spoke (`interrupted`, `UserStartedSpeaking`, …). */
  | { readonly type: "interrupted" }
  | { readonly type: "resumable"; readonly handle: string }
  /** It will close this connection at that time, milliseconds of the provider's clock since 1970; before `ready`. */
  | { readonly type: "expires"; readonly at: number }
  /** The provider will close this connection in so many milliseconds (goAway, session cap). */
  | { readonly type: "expiring"; readonly inMs: number }
  | { readonly type: "rate_limits"; readonly rateLimits: readonly JsonObject[] }
  /** What was used and belongs to no answer, since it was told last: OpenAI's usage shape, or `audio_seconds`. */
  | { readonly type: "spent"; readonly usage: JsonObject }
  /** The configuration that was given last is judged: in force but for what `unconfigured` named before. */
  | { readonly type: "configured" }
  /**
   * The provider refused these members of `UpstreamConfig` (`extra.prompt` for one of `extra`): the former are in force. A
   * refused value is not sent again until it changes, or a `configure` with a `cause` asks for it once more.
   */
  | { readonly type: "unconfigured"; readonly fields: readonly string[] }
  /**
   * The provider refused a command: for the client whose event caused it, an error under that event's id. `id`: the item
   * or response that it was about. A refused `respond` ends by `response.done` as well.
   */
  | {
      readonly type: "refused";
      readonly what: Exclude<Command["type"], "audio" | "named" | "keepalive">;
      readonly id: string | null;
      readonly cause: string | null;
      readonly error: UpstreamFault;
    }
  /** `fatal`: this connection is of no more use. Otherwise the session tells the client and goes on. */
  | { readonly type: "error"; readonly error: UpstreamFault; readonly fatal: boolean };

/** Redacted: never a key, never a URL with a query. */
export interface UpstreamFault {
  readonly code: string;
  readonly message: string;
  /** The provider's class of it (`invalid_request_error`); absent: its own fault. */
  readonly type?: string;
  /** The field that was wrong, in the client's words. */
  readonly param?: string;
}

/** Codes of a fault, in OpenAI's words, after which a connection is of no use, whatever is asked of it next. */
export const FATAL_CODES: ReadonlySet<string> = new Set([
  "session_expired",
  "invalid_api_key",
  "authentication_error",
  "permission_denied",
  "model_not_found",
  "invalid_model",
  "insufficient_quota",
]);

/** What is opened beside the connection's own socket, and how long and how much of it is borne. */
export interface ChannelOpening {
  readonly request: DialRequest;
  /** Milliseconds within which its socket opens, or its response begins. */
  readonly openMs: number;
  /** Milliseconds after which one that is open and brings nothing is closed. */
  readonly idleMs: number;
  /** Milliseconds after which it is closed, whatever it brings. */
  readonly lastsMs: number;
  /** Bytes and characters that it may bring in all. */
  readonly most: number;
}

/** What an adapter wants done. `channel` is its own name for one, used once. */
export type ChannelEffect =
  | { readonly type: "open"; readonly channel: string; readonly opening: ChannelOpening }
  /** To a WebSocket that is open; to any other it is lost. */
  | { readonly type: "send"; readonly channel: string; readonly data: WireMessage }
  /** Ends it, in whatever state: nothing is heard of it any more. */
  | { readonly type: "close"; readonly channel: string }
  /** Call `waited` after so many milliseconds (a second one moves the first); null: not any more. */
  | { readonly type: "wait"; readonly what: string; readonly ms: number | null };

/**
 * For an upstream that is more than one connection: WebSockets and HTTP requests beside its own socket, which its host opens
 * and watches for it. As with `decode`, nothing throws; what an adapter says of its own accord it says when it was `wait`ed.
 */
export interface Channels {
  /** What is to be done, in order; each effect is given once. Asked after every call of the adapter. */
  effects(): readonly ChannelEffect[];
  /** `head`: of an HTTP response; null: a WebSocket is open. */
  opened(channel: string, head: ResponseHead | null): readonly UpstreamEvent[];
  /** A message, or bytes of a response as the network cut them: a view that is valid only during the call. */
  data(channel: string, data: WireMessage): readonly UpstreamEvent[];
  /**
   * It ended by itself or was ended here: 1000, as it should; 0, it never opened (`reason`: `HTTP 401` of a handshake, `timed
   * out`, …); 1009, it brought too much; others, it broke off.
   */
  closed(channel: string, code: number, reason: string): readonly UpstreamEvent[];
  waited(what: string): readonly UpstreamEvent[];
}

export type Leaves = "memory" | "all";

export interface Admission {
  readonly withinMs: number;
  readonly fault: UpstreamFault;
}

/** One connection to one provider. Made new for every dial. */
export interface Upstream {
  readonly capabilities: Capabilities;
  /**
   * `kind`: what the connection is for; some providers have an address for each. Default: conversation. `config`: the session's of
   * that moment, for a provider that is told it in its address.
   */
  request(kind?: UpstreamConfig["kind"], config?: UpstreamConfig): DialRequest;
  /**
   * It lets one in when another has left: how long that may take from its socket's opening, and what it means when it did not come
   * to it. Such a failure is one of too many, after which it is dialled less often. Absent: as for any other.
   */
  readonly admission?: Admission | undefined;
  /**
   * Messages to send as soon as the socket is open, before `ready`. `config` is the session's of that moment. `before` takes the
   * items that it would be told first once it is ready, for a provider that is told them with its greeting.
   */
  greet(config: UpstreamConfig, before?: () => readonly Item[]): readonly WireMessage[];
  /** Messages to send before it is hung up; absent: none. */
  readonly farewell?: readonly WireMessage[] | undefined;
  /** Wire messages of one command; an empty array where the provider has no such thing. */
  encode(command: Command): readonly WireMessage[];
  /** Never throws: nonsense becomes a non-fatal `error` event with code `upstream_protocol_error`. */
  decode(message: WireMessage): readonly UpstreamEvent[];
  /**
   * Another number whenever more is said of what it holds open (a transcript that may still grow), 0 when it holds nothing;
   * absent: it never does.
   */
  readonly held?: number | undefined;
  /** Nothing more was said of what it holds for a while: it is over. */
  settle?(): readonly UpstreamEvent[];
  /** Updates of the configuration that were made and not judged, those that wait to be sent among them; absent: none ever is. */
  readonly unjudged?: number | undefined;
  /** Number of the command that has waited longest for a name that only the provider gives, 0 when none does. */
  readonly unnamed?: number | undefined;
  /**
   * For a provider whose history has only what it is told was heard: so much of this item's audio was, so far. It is told the
   * more the further the listener is, and of a cut by `truncate` as any other.
   */
  readonly heard?: ((itemId: string, audioEndMs: number) => readonly WireMessage[]) | undefined;
  /** Names did not come in time: what waits for them goes without, or is told as not answered. */
  giveUpNames?(): readonly UpstreamEvent[];
  /** What it was told that answers cost which have not ended, in OpenAI's shape; absent or null: nothing. Asked at its end. */
  readonly unbilled?: JsonObject | null | undefined;
  /** Absent: its own socket is all there is. */
  readonly channels?: Channels | undefined;
  /**
   * What a new connection with the same options can go on with when this one breaks off: the provider's memory of the
   * conversation, or that and all that it says meanwhile, as if nothing had happened. Absent or null: with nothing.
   */
  readonly leaves?: Leaves | null | undefined;
  /**
   * Takes what `snapshot` returned where a connection broke off, before it is dialled: its request and greeting go on with that.
   * Where the provider refuses, it fails before it is `ready`, and the next one begins anew.
   */
  readonly goOn?: ((snapshot: JsonObject) => void) | undefined;
  /** What a close means: null when it is an ordinary end. */
  closed(code: number, reason: string): UpstreamFault | null;
  /** What the codec remembers (names of items and responses, carried bytes), as JSON. No secrets. */
  snapshot(): JsonObject;
  /** Takes what `snapshot` of an adapter with the same options returned. */
  restore(snapshot: JsonObject): void;
}

/** What `relay.config.ts` says of one upstream, with secrets already resolved from bindings. */
export interface UpstreamOptions {
  /** Registry name: `openai-compatible`, `echo`. */
  readonly adapter: string;
  readonly url?: string;
  readonly model?: string;
  /** Name of the Worker's binding that runs the model, instead of an address. */
  readonly binding?: string;
  /** Full header values, secrets included. Never logged, never persisted. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Adapter-specific data, checked by the adapter's own schema. */
  readonly settings?: JsonObject;
  /** It speaks with this voice, whatever the session says. */
  readonly voice?: string;
  /** It is told this before the session's instructions. */
  readonly instructions?: string;
  /** Of an upstream that is made of others: what each is. */
  readonly parts?: Readonly<Record<string, UpstreamOptions>>;
}

/** @throws UpstreamOptionsError naming the field when the options are wrong. */
export type UpstreamFactory = (options: UpstreamOptions) => Upstream;

export class UpstreamOptionsError extends Error {
  override readonly name = "UpstreamOptionsError";
}
