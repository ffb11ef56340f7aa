/** What the parts of the decoder share. */
import type { CallIds } from "./calls.ts";
import type { Encoder } from "./encode.ts";
import type { ItemNames } from "./names.ts";
import type { Responses } from "./responses.ts";
import type { OpenAiSettings } from "./settings.ts";
import type { Redactor } from "../redact.ts";
import type { JsonObject, UpstreamEvent, UpstreamFault } from "../upstream.ts";

export interface DecoderParts {
  readonly settings: OpenAiSettings;
  readonly names: ItemNames;
  readonly calls: CallIds;
  readonly responses: Responses;
  readonly encoder: Encoder;
  readonly redactor: Redactor;
}

export type Handler = (event: JsonObject) => void;

/** Where the events of the message at hand go. */
export interface Sink {
  emit(event: UpstreamEvent): void;
  /** The message makes no sense: `what` completes "A message of the provider …". */
  malformed(what: string): void;
  /** The connection is of no more use. */
  giveUp(error: UpstreamFault): void;
}
