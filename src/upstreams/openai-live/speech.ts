/** The model's voice as its server sends it: pieces of its track in base64. */
import { bytesPerSample, type ProviderFormat } from "../../audio/format.ts";
import { type Carry, PieceDecoder } from "../common/audio-carry.ts";
import { VoiceTrack, type VoiceTrackState } from "../common/voice-track.ts";
import type { UpstreamEvent } from "../upstream.ts";

export type SpeechState = VoiceTrackState & { readonly odd: number };

export class Speech extends VoiceTrack {
  readonly #decoder = new PieceDecoder();
  readonly #carry: Carry = { odd: -1 };

  sound(base64: string, format: ProviderFormat, out: UpstreamEvent[]): void {
    const bytes = this.#decoder.decode(base64, bytesPerSample(format), this.#carry);
    if (bytes === null) {
      const error = { code: "upstream_protocol_error", message: "Audio of the provider is no base64." };
      out.push({ type: "error", error, fatal: false });
    } else if (bytes.length > 0) this.track(bytes, format, out);
  }

  override snapshot(): SpeechState {
    return { ...super.snapshot(), odd: this.#carry.odd };
  }

  override restore(state: SpeechState): void {
    super.restore(state);
    this.#carry.odd = state.odd;
  }
}
