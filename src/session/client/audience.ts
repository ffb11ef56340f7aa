/** Who is told beside the client, and what nobody is. */
import { NO_TAP, type EventTap } from "../state/server-events.ts";

export class Audience {
  #tap = NO_TAP;
  /** What is emitted now is the client's alone. */
  #private = false;
  /** What is emitted now is nobody's to know. */
  #silent = false;
  /** An error that is told now costs the client nothing. */
  #harmless = false;

  /** Who is told from now on. */
  tapped(tap: EventTap): void {
    this.#tap = tap;
  }

  get tap(): EventTap {
    return this.#tap;
  }

  get silent(): boolean {
    return this.#silent;
  }

  get harmless(): boolean {
    return this.#harmless;
  }

  /** Somebody is told what the client is told now. */
  get told(): boolean {
    return this.#tap.some && !this.#private;
  }

  /** What this says is for a client that was not there, or that asked: nobody else is told. */
  privately(tell: () => void): void {
    this.#private = true;
    try {
      tell();
    } finally {
      this.#private = false;
    }
  }

  /** Errors that this tells are of what is made good: a plain client is not told, frameworks end a call at any `error`. */
  harmlessly(tell: () => void): void {
    this.#harmless = true;
    try {
      tell();
    } finally {
      this.#harmless = false;
    }
  }

  /** What this does is not told: the client takes it for done already. */
  silently(act: () => void): void {
    this.#silent = true;
    try {
      act();
    } finally {
      this.#silent = false;
    }
  }
}
