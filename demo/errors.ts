/** A fault of the client's, answered by an `error` event in OpenAI's shape; the session goes on. */
export class EventError extends Error {
  override readonly name = "EventError";
  readonly code: string;
  /** Path of the offending field, `session.audio.input.format`, or null. */
  readonly param: string | null;

  constructor(code: string, message: string, param: string | null = null) {
    super(message);
    this.code = code;
    this.param = param;
  }
}
