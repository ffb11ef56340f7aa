/** What a streaming transcriber's wire differs in. One stream of 16 kHz PCM goes in, segments of words come out. */
import type { JsonObject } from "../upstream.ts";

/** What a message of the provider's says; null: nothing that concerns anybody here. */
export type Said =
  | { readonly type: "ready" }
  /**
   * The whole of a segment so far; null: what was said of it last. `segment` is any string that is stable while it lasts.
   */
  | {
      readonly type: "words";
      readonly segment: string;
      readonly text: string | null;
      readonly final: boolean;
    }
  | { readonly type: "fault"; readonly code: string; readonly message: string; readonly fatal: boolean }
  | null;

export interface TranscriberDialect {
  /** Where it is dialled; null: a binding of the Worker runs it, and is given the model and `query` as its inputs. */
  readonly address: {
    readonly url: string;
    /** Name of the model's member in the URL's query. */
    readonly modelMember: string;
  } | null;
  readonly model: string;
  readonly query: Readonly<Record<string, string>>;
  /** It says hello by itself; otherwise it is ready as soon as its socket is open. */
  readonly hello: boolean;
  /** Least milliseconds of audio in a message. */
  readonly pieceMs: number;
  /** Binary messages of samples, or JSON around base64. */
  readonly audio: "binary" | ((base64: string) => string);
  /** `message` null: a piece of silence. */
  readonly keepalive: { readonly everyMs: number; readonly message: string | null } | null;
  readonly maxSessionMs: number | null;
  /**
   * How a client that knows where a turn ends says so: a message, and what the URL's query needs for it. Null: there is no
   * such thing, and silence has to do.
   */
  readonly finish: { readonly message: string; readonly query: Readonly<Record<string, string>> } | null;
  /** `segments`: segments that are over so far, for a provider that numbers none. */
  read(event: JsonObject, segments: number): Said;
}
