/** Tokens by which a client that was away takes up its session again. */

/** That of a client which begins anew: a snapshot of before knows by it that the numbers are another client's. */
export function tokenOfAnew([, next = ""]: readonly string[]): string {
  return next === "" ? "" : `${next}a`;
}

/** By which a client may take up the session that keeps these. */
export function goodTokens(tokens: readonly string[]): readonly string[] {
  return [...tokens, tokenOfAnew(tokens)];
}

/** In a time that says nothing of where they differ. */
export function equal(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let differs = 0;
  for (let at = 0; at < a.length; at += 1) differs |= a.charCodeAt(at) ^ b.charCodeAt(at);
  return differs === 0;
}
