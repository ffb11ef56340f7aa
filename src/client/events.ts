/** The events of a call. Each is a CustomEvent whose `detail` has the type given here. */
import type { FrameHeader } from "../protocol/frame.ts";
import type { RelayError } from "./error.ts";
import type { JsonObject } from "./json.ts";
import type { Overflow } from "./outbox.ts";

export type CallState = "connecting" | "open" | "reconnecting" | "closed";

export interface CloseInfo {
  /** WebSocket close code; 1006 when the connection was lost. */
  readonly code: number;
  readonly reason: string;
}

export interface CallResponse {
  readonly id: string;
  /** Of this session; with `stream` it tags the response's binary audio. */
  readonly ordinal: number;
  readonly stream: number;
  readonly upstream: string | null;
}

export type AudioDevice = "loudspeaker" | "microphone";

/** `held`: it stands still while the relay judges a sound of the caller's. */
export type AgentState = "listening" | "thinking" | "speaking" | "held";

export interface CallMessage {
  readonly id: string;
  readonly role: "user" | "assistant" | "tool";
  /** As far as it is known; "" where nobody writes down what was spoken. */
  readonly text: string;
  /** `cut`: the rest was not heard. */
  readonly status: "in_progress" | "done" | "cut" | "failed";
  /** Of a spoken answer, when it is over; null before, and of everything else. */
  readonly heardMs: number | null;
  readonly upstream: string | null;
  /** Of a tool that is called. */
  readonly name: string | null;
}

export interface CallEventMap {
  state: { readonly state: CallState; readonly close: CloseInfo | null };
  /** Every JSON event, both ways, as it is on the wire. */
  event: { readonly direction: "in" | "out"; readonly event: JsonObject };
  /** Every binary message, both ways. `pcm` is only valid during the call. */
  frame: {
    readonly direction: "in" | "out";
    readonly header: FrameHeader;
    readonly pcm: Int16Array;
    readonly sampleRateHz: number;
  };
  session: { readonly session: JsonObject };
  /** The connection was lost; the `attempt`th try to resume the session begins in `delayMs`. */
  reconnecting: { readonly attempt: number; readonly delayMs: number; readonly close: CloseInfo };
  /**
   * What came of it: everything goes on, all but `missing` (`{messages, ms, ranges}` of the relay's messages) does,
   * the relay remembers nothing of what it said in the messages `forgotten` (first and last number: it died, and what was
   * under way is over), or it does not know the session any more and the call ends.
   */
  resumed: {
    readonly verdict: "resumed" | "partial" | "lost";
    readonly missing: JsonObject | null;
    readonly forgotten: readonly [number, number] | null;
  };
  /**
   * Of what was said, this much in all fell out before the relay acknowledged it (30 s of audio, 4 MiB are kept):
   * it cannot be sent again, and was never sent where the network took nothing.
   */
  overflow: Overflow;
  /**
   * The relay judges a sound over an answer: playback goes on quieter at `duck`, or stands still at `hold`, and goes on as
   * before unless it is an `interrupt`.
   */
  overlap: { readonly decision: string };
  /** An item entered the conversation. `text`: what it says where that is known already, as of what the client typed; or null. */
  item: {
    readonly id: string;
    readonly type: string;
    readonly role: string | null;
    readonly text: string | null;
    readonly name: string | null;
  };
  /** An item left the conversation (the application deleted it, or the relay's guard did), or never came into it: a turn that was cleared. */
  deleted: { readonly itemId: string };
  speech: {
    readonly state: "started" | "stopped";
    readonly itemId: string;
    /** Position in the audio sent since the session began, not wall clock. */
    readonly audioMs: number;
  };
  /** Of one part of an item: `delta` adds to what was said so far; `text` is the whole and the last of it, "" where it failed. */
  transcript: {
    readonly role: "user" | "assistant";
    readonly itemId: string;
    readonly contentIndex: number;
    readonly responseId: string | null;
    readonly upstream: string | null;
    readonly delta: string | null;
    readonly text: string | null;
  };
  response: {
    readonly response: CallResponse;
    readonly status: "in_progress" | "completed" | "cancelled" | "incomplete" | "failed";
    /** Why it ended early, for programs: the provider's reason, or the code of its error. */
    readonly reason: string | null;
    /** The same for people, where it failed. */
    readonly message: string | null;
    readonly metadata: JsonObject | null;
  };
  /** Every 20 ms while anything is audible. */
  level: { readonly peak: number };
  /** How much of an item the listener has heard. */
  playback: {
    readonly itemId: string;
    readonly responseId: string;
    readonly playedMs: number;
    readonly finished: boolean;
    /** The rest was thrown away unheard. */
    readonly cut: boolean;
  };
  /** Capture began or ended, whoever ended it. */
  microphone: { readonly active: boolean };
  /** The microphone sends silence, by `microphone.muted`. */
  muted: { readonly muted: boolean };
  /**
   * The browser keeps the loudspeaker silent or the microphone deaf, though the call goes on: it wants a gesture of the
   * user (the next one is taken), or a phone call has the device.
   */
  blocked: { readonly device: AudioDevice };
  unblocked: { readonly device: AudioDevice };
  /** A microphone or loudspeaker was plugged in or pulled out; names are empty until a microphone was allowed. */
  devices: { readonly devices: readonly MediaDeviceInfo[] };
  /** The conversation, put together: all of it at every change. */
  messages: { readonly messages: readonly CallMessage[] };
  agent: { readonly state: AgentState };
  upstream: { readonly upstream: string; readonly status: string; readonly reason: string | null };
  error: { readonly error: RelayError };
}

/** An EventTarget with a typed door. */
export class CallEvents extends EventTarget {
  /** Listens until the returned function is called. */
  on<K extends keyof CallEventMap>(type: K, listener: (detail: CallEventMap[K]) => void): () => void {
    const forward = (event: Event): void => {
      if (event instanceof CustomEvent) listener(event.detail);
    };
    this.addEventListener(type, forward);
    return () => this.removeEventListener(type, forward);
  }

  protected emit<K extends keyof CallEventMap>(type: K, detail: CallEventMap[K]): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
