/** What is dialled: a WebSocket, an HTTP request, or a model that a binding runs. */
import type { JsonObject } from "../../protocol/json.ts";

/** One WebSocket message: text or binary. */
export type WireMessage = string | Uint8Array;

/** Where and how to dial; the shell opens the socket (`fetch` with `Upgrade` on Workers, so any header works). */
export interface DialRequest {
  /** `http:` or `https:`. The in-process upstreams use `loop:`: what they `encode` is handed to their `decode`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Offered in `Sec-WebSocket-Protocol`. */
  readonly protocols: readonly string[];
  /** The query's parameter that names the connection: the session draws a name for each, unless `url` has one. */
  readonly named?: string;
  /** An HTTP request, whose response is handed in as it comes; absent: a WebSocket. For channels only. */
  readonly http?: HttpRequest;
  /** A model that a binding of the Worker runs: nothing is dialled, and `url` only names it. */
  readonly run?: ModelRun;
}

/** What Workers AI's binding is asked: `run(model, inputs)`. */
export interface ModelRun {
  /** The binding's name in the Worker's environment. */
  readonly binding: string;
  readonly model: string;
  readonly inputs: JsonObject;
  /** A WebSocket, or a response that is handed in as an HTTP request's; the latter for channels only. */
  readonly gives: "socket" | "response";
}

export interface HttpRequest {
  readonly method: "POST";
  readonly body: string | Uint8Array;
}

/** What an HTTP response says before its body. */
export interface ResponseHead {
  readonly status: number;
  /** Its media type in lower case, without parameters; "": it states none. */
  readonly type: string;
}
