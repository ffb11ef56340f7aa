/** How much may be told at once. What a text has in tokens only the provider knows: it is taken to be more than it is. */
import { utf8Bytes } from "../utf8.ts";

/** No text of a language has fewer bytes to a token on average. */
const BYTES_OF_TOKEN = 3;

export function tokensOf(text: string): number {
  return Math.ceil(utf8Bytes(text).length / BYTES_OF_TOKEN);
}

/** The text in pieces of at most so many tokens, cut between words where there are any. */
export function piecesOf(text: string, most: number): readonly string[] {
  const pieces: string[] = [];
  let piece = "";
  let left = most;
  for (const word of text.match(/\s*\S+/g) ?? []) {
    const tokens = tokensOf(word);
    if (tokens > left && piece !== "") {
      pieces.push(piece);
      piece = "";
      left = most;
    }
    piece += word;
    left -= tokens;
    // A character has at most as many bytes as a token is taken to have, a pair of surrogates fewer.
    for (; left < 0; left = most - tokensOf(piece)) {
      pieces.push(piece.slice(0, most));
      piece = piece.slice(most);
    }
  }
  return piece === "" ? pieces : [...pieces, piece];
}
