/**
 * Keeps an AudioContext running. Browsers suspend one until the user's first gesture, interrupt it for a phone call, and
 * may suspend it at any time: nothing is heard then, and nobody says so but the context's state.
 */

/** A context that is allowed to run needs less to begin. */
const STARTS_WITHIN_MS = 300;
/** What counts as a gesture in every browser. */
const GESTURES = ["pointerdown", "pointerup", "touchend", "click", "keydown"] as const;

export class Awake {
  readonly #context: AudioContext;
  readonly #blocked: (blocked: boolean) => void;
  readonly #ended = new AbortController();
  #gestures: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #told = false;

  /** `blocked`: told true when the context does not run and does not begin to by itself, false when it runs again. */
  constructor(context: AudioContext, blocked: (blocked: boolean) => void) {
    this.#context = context;
    this.#blocked = blocked;
    context.addEventListener("statechange", () => this.#look(), { signal: this.#ended.signal });
    this.#look();
  }

  /** The context was found not to run. */
  get blocked(): boolean {
    return this.#told;
  }

  stop(): void {
    this.#ended.abort();
    this.#quiet();
    this.#tell(false);
  }

  #look(): void {
    if (this.#ended.signal.aborted) return;
    const { state } = this.#context;
    if (state === "running" || state === "closed") {
      this.#quiet();
      this.#tell(false);
      return;
    }
    this.#timer ??= setTimeout(() => {
      this.#tell(true);
      this.#await();
    }, STARTS_WITHIN_MS);
    this.#resume();
  }

  /** Refused, or pending for ever, where it is not allowed: the state tells. */
  #resume(): void {
    this.#context.resume().catch(() => undefined);
  }

  /** The next gesture may start it. */
  #await(): void {
    if (this.#gestures !== null || !("window" in globalThis)) return;
    this.#gestures = new AbortController();
    const options = { capture: true, signal: this.#gestures.signal };
    for (const type of GESTURES) window.addEventListener(type, () => this.#resume(), options);
  }

  #quiet(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#gestures?.abort();
    this.#gestures = null;
  }

  #tell(blocked: boolean): void {
    if (this.#told === blocked) return;
    this.#told = blocked;
    this.#blocked(blocked);
  }
}
