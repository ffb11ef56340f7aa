/** What decides which arm of an experiment a caller has. */

/** A caller's name is personal: what travels in a token is worth nothing but to be compared. Null: nobody said. */
export async function stickyOf(caller: string | null | undefined): Promise<string | null> {
  if (caller == null) return null;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`caller:${caller}`));
  return new Uint8Array(digest).subarray(0, 12).toBase64({ alphabet: "base64url" });
}
