/**
 * Answers that could not be asked for when they were due, in the order in which they were. One answer to the conversation covers
 * what several turns are owed; what brings its own input, or is given beside the conversation, is no other's.
 */
import type { ResponseParams } from "../../protocol/client-events.ts";
import { jsonSize, type JsonObject } from "../../protocol/json.ts";

export interface OwedAsk {
  /** By whom; of several that are one voice, by the first. */
  readonly stream: number;
  readonly params: ResponseParams;
  /** The client asked for it: it is owed though answers are not the relay's to ask for. */
  readonly wished: boolean;
  /** The client's event that asked for it. */
  readonly cause?: string;
}

/** It is given beside the conversation: whoever can be asked for it is asked, whatever goes on there. */
export function isBeside({ conversation }: ResponseParams): boolean {
  return conversation === "none";
}

/** It answers the conversation as it is. */
export function isPlain(params: ResponseParams): boolean {
  return !isBeside(params) && params.input === undefined;
}

export class OwedAsks {
  #owed: readonly OwedAsk[] = [];

  get all(): readonly OwedAsk[] {
    return this.#owed;
  }

  /** So many are kept whatever else is asked for. */
  get kept(): number {
    return this.#owed.filter(({ params }) => !isPlain(params)).length;
  }

  /** Characters of what they are asked with. */
  get size(): number {
    // What came from a JSON schema is JSON.
    return this.#owed.reduce((sum, { params }) => sum + jsonSize(params as JsonObject), 0);
  }

  add(one: OwedAsk): void {
    this.covered(one.stream, one.params);
    this.#owed = [...this.#owed, one];
  }

  /** An answer with these is asked for: that is what was owed, or it takes its place. */
  covered(stream: number, params: ResponseParams): void {
    if (isPlain(params))
      this.#owed = this.#owed.filter((one) => one.stream !== stream || !isPlain(one.params));
  }

  /** It is asked for now. */
  remove(one: OwedAsk): void {
    this.#owed = this.#owed.filter((other) => other !== one);
  }

  /** Answers are not the relay's to ask for any more: those that the client asked for are left. */
  onlyWished(): void {
    this.#owed = this.#owed.filter(({ wished }) => wished);
  }

  snapshot(): OwedSnapshot {
    const named = this.#owed.map(({ wished, cause }) => ({ wished, ...(cause !== undefined && { cause }) }));
    return {
      owed: this.#owed.map(({ stream, params }) => [stream, params] as const),
      ...(named.some(({ wished }) => wished) && { asked: named }),
    };
  }

  restore({ owed, asked, wished = [] }: OwedSnapshot): void {
    this.#owed = owed.map(([stream, params], at) => ({
      stream,
      params,
      ...(asked?.[at] ?? { wished: wished.includes(stream) }),
    }));
  }
}

export interface OwedSnapshot {
  readonly owed: readonly (readonly [number, ResponseParams])[];
  /** Of each, where the client asked for one. */
  readonly asked?: readonly { readonly wished: boolean; readonly cause?: string }[];
  /** Of a build before: streams whose answer the client asked for. */
  readonly wished?: readonly number[];
}
