/** Sentences of a configuration as they sound: who says one a second time asks nobody. The one that was not used for longest goes first. */
import type { Sound } from "../state/sounds.ts";

/** Where several sessions share a memory they share this. */
export interface SpeechStore {
  get(key: string): Sound | undefined;
  put(key: string, sound: Sound): void;
}

export class KeptSpeech implements SpeechStore {
  readonly #mostBytes: number;
  /** The one that was used last is last. */
  readonly #sounds = new Map<string, Sound>();
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  get(key: string): Sound | undefined {
    const sound = this.#sounds.get(key);
    if (sound === undefined) return undefined;
    this.#sounds.delete(key);
    this.#sounds.set(key, sound);
    return sound;
  }

  put(key: string, sound: Sound): void {
    this.#forget(key);
    if (sound.samples.byteLength > this.#mostBytes) return;
    this.#sounds.set(key, sound);
    this.#bytes += sound.samples.byteLength;
    for (const oldest of this.#sounds.keys()) {
      if (this.#bytes <= this.#mostBytes) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    this.#bytes -= this.#sounds.get(key)?.samples.byteLength ?? 0;
    this.#sounds.delete(key);
  }
}
