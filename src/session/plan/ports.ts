/** What the plan that holds asks of other parts of the session. */
import type { ServerEvent } from "../state/server-events.ts";

/** An upstream of the plan: it takes part, leaves or comes back. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly alive: boolean;
  /** Number of the connection that serves. */
  readonly serving: number;
  readonly capabilities: { readonly turns: string };
  presence: "always" | "away" | "back";
  /** It is dialled now, where it is not there. */
  ensure(): void;
  /** @returns whether there was anything to hang up. */
  park(cause: "left"): boolean;
  hangUp(): void;
  /** An item began that it is told of at its end. */
  tellLater(itemId: string): void;
}

/** The client and the application: they are told what holds from now on. */
export interface ClientPort {
  readonly connected: boolean;
  tell(event: ServerEvent): void;
}

/** Answers: who leaves finishes those that it was asked for. */
export interface Responses {
  busy(stream: number): boolean;
  readonly ends: {
    /** Since when the end of a cancelled one is waited for; null: none is. */
    since(link: { readonly index: number; readonly serving: number }): number | null;
  };
}

/** Questions to several: who leaves may still be asked one. */
export interface Rounds {
  mayAsk(stream: number): boolean;
}

/** What lost connections owe: who leaves may still owe something. */
export interface Recovery {
  owes(stream: number): boolean;
}
