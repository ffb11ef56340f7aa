/**
 * The sessions of a call: one, which is resumed when its connection is lost, and another where it is lost for good and somebody
 * knows where to go on.
 */
import { pauseMs } from "./backoff.ts";
import type { Reconnect } from "./call-options.ts";
import { Connection } from "./connection.ts";
import type { ConnectionHooks } from "./connection-hooks.ts";
import type { Target } from "./door.ts";
import { failure, RelayError } from "./error.ts";
import type { CallState, CloseInfo } from "./events.ts";
import type { JsonObject } from "./json.ts";

export interface SessionsHooks extends Omit<ConnectionHooks, "opened" | "lost" | "ended"> {
  /** A session begins with these settings. */
  settings(): JsonObject;
  /** The relay has taken the settings. */
  opened(): void;
  /** One is lost for good, and another is looked for. */
  over(): void;
  state(state: CallState, close: CloseInfo | null): void;
  ended(): void;
}

export class Sessions {
  readonly #hooks: SessionsHooks;
  readonly #reconnect: Reconnect | null;
  #connection: Connection | null = null;
  #state: CallState = "connecting";
  #agreed = false;

  constructor(reconnect: Reconnect | null, hooks: SessionsHooks) {
    this.#reconnect = reconnect;
    this.#hooks = hooks;
  }

  get connection(): Connection | null {
    return this.#connection;
  }

  get state(): CallState {
    return this.#state;
  }

  /** The relay has taken the settings of the present connection: its formats are in force. */
  get agreed(): boolean {
    return this.#agreed;
  }

  connect(target: Target, signal?: AbortSignal): Promise<void> {
    if (this.#state === "closed") {
      return Promise.reject(new RelayError("aborted", "The call was ended before it was connected"));
    }
    const hooks = this.#hooks;
    const connection = new Connection(target, {
      ...hooks,
      opened: () => {
        this.#agreed = true;
        hooks.opened();
        this.#enter("open", null);
      },
      lost: (close) => this.#enter("reconnecting", close),
      resumed: (detail) => {
        hooks.resumed(detail);
        if (detail.verdict !== "lost") this.#enter("open", null);
      },
      ended: (close, error) => {
        if (error !== null) hooks.error(error);
        this.#over(close);
      },
    });
    this.#connection = connection;
    this.#agreed = false;
    return connection.open({ type: "session.update", session: hooks.settings() }, signal);
  }

  #over(close: CloseInfo): void {
    if (this.#state === "closed") return;
    if (this.#reconnect === null || close.code === 1000) {
      this.end(close);
      return;
    }
    this.#connection = null;
    this.#agreed = false;
    this.#hooks.over();
    if (this.#state !== "reconnecting") this.#enter("reconnecting", close);
    void this.#goOn(this.#reconnect, close);
  }

  async #goOn(ask: Reconnect, close: CloseInfo): Promise<void> {
    for (let attempt = 1; this.#state === "reconnecting"; attempt++) {
      try {
        const target = await ask(close, attempt);
        if (target === null || this.#state !== "reconnecting") break;
        await this.connect(target);
      } catch (error) {
        if (this.state === "closed") return;
        this.#hooks.error(failure("reconnect", error));
        // Whoever is asked may fail at once, as everything does while there is no network.
        await new Promise((resolve) => setTimeout(resolve, pauseMs(attempt - 1)));
      }
    }
    if (this.#state === "reconnecting") this.end(close);
  }

  end(close: CloseInfo): void {
    if (this.#state === "closed") return;
    // Closed first: nothing of this call is sent any more, whatever its end sets off.
    this.#connection?.close();
    this.#enter("closed", close);
    this.#hooks.ended();
  }

  #enter(state: CallState, close: CloseInfo | null): void {
    this.#state = state;
    this.#hooks.state(state, close);
  }
}
