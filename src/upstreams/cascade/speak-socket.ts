/**
 * One sentence or more on its way to sound over a socket of Deepgram's `speak` dialect: `Speak` and `Flush` go in, samples come
 * out as they are, and `Flushed` is their end.
 */
import { protocolFault, saidFault, type StageFault } from "../channels/http-fault.ts";
import { parseJsonObject } from "../../protocol/json.ts";
import { textAt } from "../json.ts";
import type { Redactor } from "../redact.ts";
import type { JsonObject, WireMessage } from "../upstream.ts";
import { Halves } from "./halves.ts";
import { SPEECH_STAGE, type Speech } from "./speech-reader.ts";

type SpeakState = { readonly text: string; readonly odd: number; readonly bytes: number };

export class SpeakSocket implements Speech {
  readonly #redactor: Redactor;
  #text: string;
  readonly #halves = new Halves();
  bytes = 0;
  whole = false;

  constructor(redactor: Redactor, text: string) {
    this.#redactor = redactor;
    this.#text = text;
  }

  opened(): readonly string[] {
    return [JSON.stringify({ type: "Speak", text: this.#text }), '{"type":"Flush"}'];
  }

  data(message: WireMessage): Uint8Array | StageFault {
    if (typeof message !== "string") {
      const samples = this.#halves.whole(message);
      this.bytes += samples.length;
      return samples;
    }
    const said = parseJsonObject(message);
    if (said === null)
      return { fault: protocolFault(SPEECH_STAGE, "sent a message that is no JSON object"), again: false };
    const type = textAt(said, "type");
    if (type === "Error") return saidFault(SPEECH_STAGE, message, this.#redactor);
    if (type === "Flushed") this.whole = true;
    return new Uint8Array();
  }

  end(): StageFault | null {
    if (!this.whole)
      return { fault: { code: "upstream_closed", message: `${SPEECH_STAGE} broke off.` }, again: true };
    const silent = { fault: protocolFault(SPEECH_STAGE, "answered without a sample"), again: true };
    return this.bytes > 0 ? null : silent;
  }

  snapshot(): SpeakState {
    return { text: this.#text, odd: this.#halves.odd, bytes: this.bytes };
  }

  restore(snapshot: JsonObject): void {
    // Our own writing, inside the session's versioned snapshot.
    const state = snapshot as unknown as SpeakState;
    this.#text = state.text;
    this.#halves.odd = state.odd;
    this.bytes = state.bytes;
  }
}
