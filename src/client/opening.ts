/** The time between a dial and a session that is described and has taken its settings. */
import { RelayError } from "./error.ts";
import { objectAt, stringAt, type JsonObject } from "./json.ts";

/** More is a relay that never will. */
const WITHIN_MS = 30_000;
/** The relay's answer to the settings, where it refuses them, names it. */
export const SETTINGS_ID = "sdk_settings";

export class Opening {
  readonly done: Promise<void>;
  #resolve = (): void => undefined;
  #reject: (error: RelayError) => void = () => undefined;
  readonly #deadline: ReturnType<typeof setTimeout>;
  readonly #unlisten: () => void;

  /** `failed`: it takes too long, or `signal` aborts it. */
  constructor(signal: AbortSignal | undefined, failed: (error: RelayError) => void) {
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const late = new RelayError("timeout", "The relay did not describe the session within 30 s");
    this.#deadline = setTimeout(() => failed(late), WITHIN_MS);
    const abort = (): void => failed(aborted());
    signal?.addEventListener("abort", abort);
    this.#unlisten = () => signal?.removeEventListener("abort", abort);
  }

  /** It succeeded, or failed with `error`. */
  settle(error: RelayError | null): void {
    clearTimeout(this.#deadline);
    this.#unlisten();
    if (error === null) this.#resolve();
    else this.#reject(error);
  }
}

export function aborted(): RelayError {
  return new RelayError("aborted", "The call was ended while it was being connected");
}

/** What the relay says to the settings, which are the first message; null: this is no answer to them. */
export function answerOf(event: JsonObject): "taken" | RelayError | null {
  const type = stringAt(event, "type");
  if (type === "session.updated") return "taken";
  const error = objectAt(event, "error");
  if (type !== "error" || stringAt(error, "event_id") !== SETTINGS_ID) return null;
  const message = stringAt(error, "message") ?? "The relay refused the session's settings";
  return new RelayError(stringAt(error, "code") ?? "refused", message);
}
