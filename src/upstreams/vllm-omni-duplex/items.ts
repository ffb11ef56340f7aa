/** Items of the conversation under the session's names and the provider's, and how much audio each had. */
import { bytesPerSample, type ProviderFormat, sampleRateHz } from "../../audio/format.ts";
import { remember } from "../json.ts";

const MAX_NAMES = 256;
/** Sums of fractions are a little less than whole. */
const ROUNDING_MS = 0.001;

export type ItemsState = {
  readonly names: readonly (readonly [id: string, key: string])[];
  readonly audio: readonly (readonly [key: string, ms: number])[];
  readonly calls: readonly (readonly [callId: string, key: string])[];
};

export class Items {
  /** By the session's id, the provider's of an item that the model made. */
  readonly #names = new Map<string, string>();
  readonly #audio = new Map<string, number>();
  /** Calls of this session's, whose results it takes. */
  readonly #calls = new Map<string, string>();

  named(key: string, id: string): void {
    remember(this.#names, id, key, MAX_NAMES);
  }

  keyOf(id: string): string {
    return this.#names.get(id) ?? id;
  }

  sounded(key: string, bytes: number, format: ProviderFormat): void {
    const ms = (bytes / bytesPerSample(format) / sampleRateHz(format)) * 1000;
    remember(this.#audio, key, (this.#audio.get(key) ?? 0) + ms, MAX_NAMES);
  }

  /** A position in its audio, not past what there was of it; null: it is none of the model's. */
  positionIn(key: string, ms: number): number | null {
    const had = this.#audio.get(key);
    return had === undefined ? null : Math.floor(Math.max(0, Math.min(ms, had)) + ROUNDING_MS);
  }

  called(callId: string, key: string): void {
    remember(this.#calls, callId, key, MAX_NAMES);
  }

  /** Its result is taken once. */
  returned(callId: string): boolean {
    return this.#calls.delete(callId);
  }

  snapshot(): ItemsState {
    return { names: [...this.#names], audio: [...this.#audio], calls: [...this.#calls] };
  }

  restore(state: ItemsState): void {
    for (const [id, key] of state.names) this.#names.set(id, key);
    for (const [key, ms] of state.audio) this.#audio.set(key, ms);
    for (const [id, key] of state.calls) this.#calls.set(id, key);
  }
}
