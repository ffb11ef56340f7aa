/** When a provider is ready and which audio it speaks, by what it says of its session. */
import {
  type AudioFormat,
  bytesPerSample,
  formatKey,
  type ProviderFormat,
  sampleRateHz,
} from "../../audio/format.ts";
import type { DecoderParts, Handler, Sink } from "./context.ts";
import { nameOf, plainFormat, statedFormat, type Statement } from "./formats.ts";
import { objectAt } from "../json.ts";
import type { JsonObject } from "../upstream.ts";

export type HandshakeState = {
  readonly input: AudioFormat;
  readonly output: ProviderFormat;
  readonly phase: "greeting" | "ready" | "over";
};

export interface Formats {
  readonly input: AudioFormat;
  readonly output: ProviderFormat;
}

export class Handshake {
  /** Another object when one of them changes. */
  formats: Formats;
  readonly #parts: DecoderParts;
  readonly #sink: Sink;
  /** "over": the connection was given up, and is not ready any more whatever comes. */
  #phase: "greeting" | "ready" | "over" = "greeting";

  constructor(parts: DecoderParts, sink: Sink) {
    this.#parts = parts;
    this.#sink = sink;
    this.formats = { input: parts.settings.input, output: parts.settings.output };
  }

  snapshot(): HandshakeState {
    const { input, output } = this.formats;
    return { input: { ...input }, output: { ...output }, phase: this.#phase };
  }

  restore(state: HandshakeState): void {
    this.formats = { input: state.input, output: state.output };
    this.#phase = state.phase;
  }

  table(): [string, Handler][] {
    return [
      ["session.created", () => this.#created()],
      ["session.updated", (event) => this.#updated(event)],
      ["transcription_session.created", () => this.#created()],
      ["transcription_session.updated", (event) => this.#updated(event)],
    ];
  }

  #created(): void {
    if (this.#parts.settings.quirks.readyOn === "session.created") this.#begin();
  }

  #updated(event: JsonObject): void {
    const { updates } = this.#parts.encoder;
    const session = objectAt(event, "session");
    // A format that the provider states wins over what was asked for.
    if (!this.#follow(session)) return;
    updates.answered(session);
    if (updates.settled) this.#begin();
  }

  #begin(): void {
    if (this.#phase !== "greeting") return;
    this.#phase = "ready";
    this.#sink.emit({ type: "ready" });
  }

  /** After each message: the last outstanding judgement may have come with it. */
  settle(): void {
    if (this.#parts.settings.quirks.readyOn !== "session.updated") return;
    const { updates } = this.#parts.encoder;
    if (updates.greetingJudged) this.#begin();
    if (updates.takeSettled() && this.#phase === "ready") this.#sink.emit({ type: "configured" });
  }

  /** The connection is given up. */
  over(): void {
    this.#phase = "over";
  }

  /** Goes over to what the session object states. False: the relay cannot speak it. */
  #follow(session: JsonObject | null): boolean {
    const input = statedFormat(session, "input", this.formats.input);
    const output = statedFormat(session, "output", this.formats.output);
    if (output !== null && !this.#hears(output)) return false;
    return input === null || this.#speaks(input);
  }

  #hears(stated: Statement): boolean {
    const { format } = stated;
    if (format === null) return this.#refuse(stated);
    const { output } = this.formats;
    if (formatKey(format) === formatKey(output)) return true;
    this.#parts.responses.rescale(bytesPerSecond(format) / bytesPerSecond(output));
    this.formats = { ...this.formats, output: format };
    return true;
  }

  #speaks(stated: Statement): boolean {
    const format = stated.format === null ? null : plainFormat(stated.format);
    if (format === null) return this.#refuse(stated);
    if (formatKey(format) !== formatKey(this.formats.input))
      this.formats = { ...this.formats, input: format };
    return true;
  }

  #refuse(stated: Statement): false {
    const message = `The provider states an audio format that the relay does not speak: ${nameOf(stated)}.`;
    const error = this.#parts.redactor.fault("upstream_format_unsupported", message, "upstream_error");
    this.#sink.giveUp(error);
    return false;
  }
}

function bytesPerSecond(format: ProviderFormat): number {
  return bytesPerSample(format) * sampleRateHz(format);
}
