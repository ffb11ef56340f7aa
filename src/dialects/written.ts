/** What the session writes, read as far as a codec needs it without a parse. */

/** `{"type":"…"` stands first in all that the session writes. */
const TYPE = /^\{"type":"([\w.]+)"/;

/** "": it is no event. */
export function typeOf(text: string): string {
  return TYPE.exec(text)?.[1] ?? "";
}

/** `text`, an event of the type `from`, as one of the type `to`. */
export function retyped(text: string, from: string, to: string): string {
  return `{"type":"${to}"${text.slice(`{"type":"${from}"`.length)}`;
}
