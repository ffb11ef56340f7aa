/**
 * Errors over HTTP: problem details (RFC 9457), with an `error` member in OpenAI's shape so that its clients show the
 * reason. Details name the field or binding that is wrong, never its value.
 */
import type { ContentfulStatusCode } from "hono/utils/http-status";

/** The reasons there are, with their status and title. `type` is `urn:relay:problem:<code>`. */
const REASONS = {
  invalid_json: [400, "The body is not a JSON object"],
  invalid_value: [400, "A parameter is wrong"],
  missing_parameter: [400, "A parameter is missing"],
  invalid_credentials: [401, "Credentials are missing or wrong"],
  token_expired: [401, "The token has expired"],
  key_refused: [403, "This key may not do that"],
  operator_needed: [403, "This is for the relay's operator"],
  origin_refused: [403, "This origin may not call the relay"],
  not_found: [404, "There is nothing here"],
  not_offered: [404, "The relay does not offer this"],
  model_not_found: [404, "There is no such model"],
  session_not_found: [404, "There is no such session"],
  method_not_allowed: [405, "The method is not allowed here"],
  token_used: [409, "The token was used before"],
  resume_refused: [409, "The resume token is not valid"],
  session_ended: [409, "The session has ended"],
  session_busy: [409, "The session's client is connected"],
  sessions_not_listed: [409, "The sessions of this key are not listed"],
  body_too_large: [413, "The body is too large"],
  session_too_large: [413, "The session configuration is too large"],
  unsupported_media_type: [415, "The body must be JSON"],
  unprocessable: [422, "A field is wrong"],
  upgrade_required: [426, "This address speaks WebSocket"],
  too_many_sessions: [429, "Too many sessions at once"],
  rate_limited: [429, "Too many sessions"],
  rate_limit_exceeded: [429, "A budget of the API key is used up"],
  misconfigured: [500, "The relay is not configured for this"],
  session_unavailable: [503, "The session could not begin"],
  overloaded: [503, "The relay is overloaded"],
  internal_error: [500, "The relay failed"],
} as const satisfies Record<string, readonly [ContentfulStatusCode, string]>;

/** Seconds after which one that is not to be had now (503) may be asked for again. */
const RETRY_AFTER_S = "2";

export type ProblemCode = keyof typeof REASONS;

export interface ProblemOptions {
  /** Field or query parameter, in OpenAI's `param`. */
  readonly param?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Which bound was reached. */
  readonly limit?: ReachedLimit;
}

/** As the key store calls it (`npm run keys -- limit`). */
export interface ReachedLimit {
  readonly name: string;
  readonly value: number;
  /** When there is more, in milliseconds since 1970; null: when something ends. */
  readonly moreAt: number | null;
}

export class Problem extends Error {
  override readonly name = "Problem";
  readonly code: ProblemCode;
  readonly options: ProblemOptions;

  constructor(code: ProblemCode, detail: string, options: ProblemOptions = {}) {
    super(detail);
    this.code = code;
    this.options = options;
  }

  get status(): ContentfulStatusCode {
    return REASONS[this.code][0];
  }

  /** In OpenAI's shape. */
  toError() {
    return {
      type: errorType(this.status),
      code: this.code,
      message: this.message,
      param: this.options.param ?? null,
      event_id: null,
    };
  }

  toResponse(): Response {
    const [status, title] = REASONS[this.code];
    const detail = this.message;
    const type = `urn:relay:problem:${this.code}`;
    const { limit } = this.options;
    const body = {
      type,
      title,
      status,
      detail,
      error: this.toError(),
      ...(limit && { limit: { name: limit.name, value: limit.value, more_at: stamp(limit.moreAt) } }),
    };
    const headers = {
      ...(status === 503 && { "Retry-After": RETRY_AFTER_S }),
      ...(limit && limit.moreAt !== null && { "Retry-After": secondsUntil(limit.moreAt) }),
      ...this.options.headers,
      "Content-Type": "application/problem+json",
      "Cache-Control": "no-store",
    };
    return new Response(JSON.stringify(body), { status, headers });
  }
}

function stamp(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

function secondsUntil(at: number): string {
  return String(Math.max(1, Math.ceil((at - Date.now()) / 1000)));
}

/** OpenAI's error types. */
function errorType(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}
