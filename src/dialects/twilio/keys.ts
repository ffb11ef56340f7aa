/**
 * Keys that the caller presses: the agent falls silent at the first, and when no more come what was pressed is told to the
 * model as a message of the caller's. There is no clock here: time passes with the messages, which come every 20 ms, and
 * where none come, at `overAt`.
 */
const PAUSE_MS = 2000;
/** Ends what is entered, as on every keypad. */
const ENTER = "#";
const MOST_KEYS = 64;
const KEY = /^[0-9A-D*#]$/;

export class Keys {
  #pressed = "";
  #at = 0;

  static is(key: unknown): key is string {
    return typeof key === "string" && KEY.test(key);
  }

  /** @returns whether it is the first. */
  press(key: string, now: number): boolean {
    this.#pressed += key;
    this.#at = now;
    return this.#pressed.length === 1;
  }

  /** What was pressed, once no more is to come. */
  take(now: number): string | null {
    const over =
      this.#pressed.endsWith(ENTER) || this.#pressed.length >= MOST_KEYS || now - this.#at >= PAUSE_MS;
    if (this.#pressed === "" || !over) return null;
    const pressed = this.#pressed;
    this.#pressed = "";
    return pressed;
  }

  /** When no more is to come; null: nothing was pressed. */
  get overAt(): number | null {
    return this.#pressed === "" ? null : this.#at + PAUSE_MS;
  }

  snapshot() {
    return { pressed: this.#pressed, at: this.#at };
  }

  restore({ pressed, at }: KeysSnapshot): void {
    this.#pressed = pressed;
    this.#at = at;
  }
}

export type KeysSnapshot = ReturnType<Keys["snapshot"]>;
