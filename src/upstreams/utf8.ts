/** Text of binary messages: some providers send their JSON in binary frames. */

// Pure, and in every runtime that the core runs in; its types come with a platform, which the core has none of.
declare const TextDecoder: new () => { decode(bytes: Uint8Array): string };

const decoder = new TextDecoder();

/** Bytes that are no UTF-8 become U+FFFD. */
export function utf8Text(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
