/**
 * One sentence or more on its way to sound over a socket whose messages are JSON with the samples in base64, and with the times of
 * its words. What its messages are called, each dialect says (`cartesia.ts`, `elevenlabs.ts`).
 */
import { PieceDecoder, type Carry } from "../common/audio-carry.ts";
import { protocolFault, type StageFault } from "../channels/http-fault.ts";
import { parseJsonObject } from "../../protocol/json.ts";
import type { JsonObject, WireMessage } from "../upstream.ts";
import { utf8Text } from "../utf8.ts";
import type { Mark } from "./history.ts";
import { SPEECH_STAGE, type Speech } from "./speech-reader.ts";
import { WordTimes, type WordTimesState } from "./word-times.ts";

/** What one message says. */
export interface SaidOfSpeech {
  /** Base64. */
  readonly audio?: string | null;
  readonly over?: boolean;
  readonly fault?: StageFault;
  /** Tells its times. `soundMs`: what was heard before this message. */
  readonly times?: (words: WordTimes, soundMs: number) => void;
}

export interface SpeechDialect {
  /** What is sent when the socket is open. */
  readonly opening: (text: string) => readonly string[];
  readonly read: (message: JsonObject) => SaidOfSpeech;
  readonly bytesPerMs: number;
}

type JsonSpeechState = {
  readonly text: string;
  readonly odd: number;
  readonly bytes: number;
  readonly times: WordTimesState;
};

export class JsonSpeech implements Speech {
  readonly #dialect: SpeechDialect;
  readonly #decoder = new PieceDecoder();
  readonly #carry: Carry = { odd: -1 };
  #text: string;
  #times: WordTimes;
  bytes = 0;
  whole = false;

  constructor(dialect: SpeechDialect, text: string) {
    this.#dialect = dialect;
    this.#text = text;
    this.#times = new WordTimes(text);
  }

  opened(): readonly string[] {
    return this.#dialect.opening(this.#text);
  }

  data(message: WireMessage): Uint8Array | StageFault {
    const said = parseJsonObject(typeof message === "string" ? message : utf8Text(message));
    if (said === null) return wrong("sent a message that is no JSON object");
    const { audio, over, fault, times } = this.#dialect.read(said);
    if (fault !== undefined) return fault;
    times?.(this.#times, this.bytes / this.#dialect.bytesPerMs);
    if (over === true) this.whole = true;
    if (typeof audio !== "string" || audio === "") return new Uint8Array();
    const samples = this.#decoder.decode(audio, 2, this.#carry);
    if (samples === null) return wrong("sent sound that is no base64");
    this.bytes += samples.length;
    return samples;
  }

  marks(): readonly Mark[] {
    return this.#times.take();
  }

  end(): StageFault | null {
    if (!this.whole)
      return { fault: { code: "upstream_closed", message: `${SPEECH_STAGE} broke off.` }, again: true };
    const silent = { fault: protocolFault(SPEECH_STAGE, "answered without a sample"), again: true };
    return this.bytes > 0 ? null : silent;
  }

  snapshot(): JsonSpeechState {
    return { text: this.#text, odd: this.#carry.odd, bytes: this.bytes, times: this.#times.snapshot() };
  }

  restore(snapshot: JsonObject): void {
    // Our own writing, inside the session's versioned snapshot.
    const state = snapshot as unknown as JsonSpeechState;
    this.#text = state.text;
    this.#times = new WordTimes(state.text);
    this.#times.restore(state.times);
    this.#carry.odd = state.odd;
    this.bytes = state.bytes;
  }
}

function wrong(how: string): StageFault {
  return { fault: protocolFault(SPEECH_STAGE, how), again: false };
}
