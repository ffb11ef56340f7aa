/**
 * A fault of the client's: answered by an `error` event that names what was wrong, never by ending the call.
 * Codes and messages follow OpenAI's where clients are known to look at them (a cancellation with nothing to
 * cancel must start with "Cancellation failed": official clients ignore exactly that prefix).
 */
export class ClientError extends Error {
  override readonly name = "ClientError";
  readonly code: string;
  /** Path of the offending field, `session.audio.input.format.rate`, or null. */
  readonly param: string | null;

  constructor(code: string, message: string, param: string | null = null) {
    super(message);
    this.code = code;
    this.param = param;
  }
}
