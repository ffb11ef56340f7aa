/** Every way in which the SDK fails. `code` is stable and meant for programs, `message` for people. */
export class RelayError extends Error {
  override readonly name = "RelayError";
  readonly code: string;
  /** HTTP status or WebSocket close code where there was one. */
  readonly status: number | null;

  constructor(code: string, message: string, status: number | null = null, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.status = status;
  }
}

/** What went wrong, for a message to a person. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  return typeof error === "string" ? error : "something that says nothing was thrown";
}

/** Whatever was thrown; `code`: where it is none of the relay's. */
export function failure(code: string, error: unknown): RelayError {
  return error instanceof RelayError ? error : new RelayError(code, reasonOf(error), null, error);
}
