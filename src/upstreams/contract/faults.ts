/** What goes wrong at a provider. */

/** Redacted: never a key, never a URL with a query. */
export interface UpstreamFault {
  readonly code: string;
  readonly message: string;
  /** The provider's class of it (`invalid_request_error`); absent: its own fault. */
  readonly type?: string;
  /** The field that was wrong, in the client's words. */
  readonly param?: string;
}

/** Codes of a fault, in OpenAI's words, after which a connection is of no use, whatever is asked of it next. */
export const FATAL_CODES: ReadonlySet<string> = new Set([
  "session_expired",
  "invalid_api_key",
  "authentication_error",
  "permission_denied",
  "model_not_found",
  "invalid_model",
  "insufficient_quota",
]);
