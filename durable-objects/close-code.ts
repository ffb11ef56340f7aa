/**
 * What may be given to `close()`. workerd throws for 999, 1005, 1006, 1015 and 5000: reserved codes (RFC 6455 §7.4.1)
 * say what a peer saw, they are never sent.
 */
export function sendableCloseCode(code: number): number {
  if (code >= 3000 && code <= 4999) return code;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006 ? code : 1000;
}

/** A close frame holds 125 bytes, two of them the code. */
const REASON_BYTES = 123;

export function sendableCloseReason(reason: string): string {
  const bytes = new TextEncoder().encode(reason);
  if (bytes.byteLength <= REASON_BYTES) return reason;
  // A cut inside a character leaves no half of it behind.
  return new TextDecoder().decode(bytes.subarray(0, REASON_BYTES)).replace(/\uFFFD+$/, "");
}

/** Another connection goes on with the session. */
export const CLOSE_TAKEN_OVER = 4001;
/** A session is there, but not for this connection. */
export const CLOSE_REFUSED = 4003;
/** Nothing was heard of it, or it was not read. */
export const CLOSE_SILENT = 4008;

/** Closes a socket that may be closed already. */
export function shut(socket: Pick<WebSocket, "close">, code: number, reason: string): void {
  try {
    socket.close(sendableCloseCode(code), sendableCloseReason(reason));
  } catch {
    // Closed already.
  }
}
