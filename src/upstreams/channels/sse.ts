/**
 * Server-sent events out of a response's bytes, as the network cuts them. The parser is a library's and is given whole events
 * only, so that what waits for its rest is here: bounded, and part of a snapshot.
 */
import { createParser } from "eventsource-parser";
import type { Redactor } from "../redact.ts";
import { utf8Bytes, utf8Text } from "../utf8.ts";

const INITIAL_BYTES = 4096;
const [LF, CR] = [0x0a, 0x0d];
const BLANK_LINE = "\n\n";

export class SseReader {
  readonly #most: number;
  #buffer = new Uint8Array(INITIAL_BYTES);
  #length = 0;

  /** @param most bytes that one event may have */
  constructor(most: number) {
    this.#most = most;
  }

  /** @returns the data of the events that are whole now; null: one is too long, and nothing more is to be read. */
  feed(bytes: Uint8Array): readonly string[] | null {
    const from = this.#length;
    const end = endOfEvents(this.#append(bytes), from, this.#length);
    if (end < 0) return this.#length > this.#most ? null : [];
    const events = eventsOf(utf8Text(this.#buffer.subarray(0, end)));
    this.#buffer.copyWithin(0, end, this.#length);
    this.#length -= end;
    return this.#length > this.#most ? null : events;
  }

  /** The response is whole: its last event need not have a blank line after it. */
  end(): readonly string[] {
    const rest = utf8Text(this.#buffer.subarray(0, this.#length));
    this.#length = 0;
    return eventsOf(rest + BLANK_LINE);
  }

  #append(bytes: Uint8Array): Uint8Array {
    const needed = this.#length + bytes.length;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
      grown.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = needed;
    return this.#buffer;
  }

  /** What waits for its rest, in base64. */
  snapshot(redactor: Redactor): string {
    const waiting = this.#buffer.subarray(0, this.#length);
    const text = utf8Text(waiting);
    const kept = redactor.unfinished(text);
    return (kept === text ? waiting : utf8Bytes(kept)).toBase64();
  }

  restore(waiting: string): void {
    this.#length = 0;
    this.#append(Uint8Array.fromBase64(waiting));
  }
}

/**
 * Behind the last blank line that ends in what is new, or -1. Lines end with LF, CR or both (WHATWG HTML, "Parsing an event
 * stream"). Looks at each byte a few times at most.
 */
function endOfEvents(bytes: Uint8Array, from: number, length: number): number {
  for (let at = length - 1; at >= from && at > 0; at -= 1) {
    if (!endsLine(bytes[at])) continue;
    const both = bytes[at] === LF && bytes[at - 1] === CR;
    if (endsLine(bytes[both ? at - 2 : at - 1])) return at + 1;
  }
  return -1;
}

function endsLine(byte: number | undefined): boolean {
  return byte === LF || byte === CR;
}

function eventsOf(text: string): readonly string[] {
  const events: string[] = [];
  // After a CR the parser would wait for an LF.
  const whole = text.endsWith("\r") ? `${text}\n` : text;
  createParser({ onEvent: ({ data }) => void events.push(data) }).feed(whole);
  return events;
}
