/**
 * The hot path of the wire: `input_audio_buffer.append` is nearly every message a client sends, so it is found by
 * a scan and its base64 decoded into a reused buffer, without a JSON parse (0.5 µs against 2.2 µs per 100 ms of
 * audio in workerd).
 */
/** What `JSON.stringify({type, audio})` begins with, in every SDK that was looked at. */
const USUAL = '{"type":"input_audio_buffer.append","audio":"';
/** The same with an event_id, other simple members or white space. */
const HEAD = /^\s*\{(?:\s*"\w+"\s*:\s*"[^"\\]*"\s*,)*?\s*"audio"\s*:\s*"/;
const TYPE = /"type"\s*:\s*"input_audio_buffer\.append"/;
/** After the audio only simple members and the closing brace may follow. */
const TAIL = /^\s*(?:,\s*"\w+"\s*:\s*"[^"\\]*"\s*)*\}\s*$/;
const TAIL_MOST = 256;

/**
 * Where the base64 text of an append event stands in `text`, or null when `text` is something else or unusual
 * (escapes, the type behind the audio, other members between): parse it as JSON then.
 */
export function scanAppend(text: string): { readonly from: number; readonly to: number } | null {
  const from = text.startsWith(USUAL) ? USUAL.length : unusualStart(text);
  if (from === null) return null;
  const to = text.indexOf('"', from);
  if (to < 0 || text.length - to > TAIL_MOST) return null;
  if (to + 2 === text.length && text.charCodeAt(to + 1) === 0x7d) return { from, to };
  return TAIL.test(text.slice(to + 1)) ? { from, to } : null;
}

function unusualStart(text: string): number | null {
  if (!text.slice(0, 512).includes("input_audio_buffer.append")) return null;
  const head = HEAD.exec(text.slice(0, 1024))?.[0];
  return head !== undefined && TYPE.test(head) ? head.length : null;
}

/** Decodes base64 into a buffer that is reused by the next call. */
export class Base64Decoder {
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(16_384);

  /** The bytes (a view, valid until the next call), or null when `text` is not base64 (RFC 4648 §4). */
  decode(text: string): Uint8Array | null {
    const needed = Math.ceil(text.length / 4) * 3;
    if (this.#buffer.byteLength < needed) this.#buffer = new Uint8Array(needed);
    try {
      const { read, written } = this.#buffer.setFromBase64(text);
      return read === text.length ? this.#buffer.subarray(0, written) : null;
    } catch {
      return null;
    } finally {
      if (this.#buffer.byteLength > 1_048_576) this.#buffer = this.#buffer.slice(0, 0);
    }
  }
}
