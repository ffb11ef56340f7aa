/**
 * Sound that an adapter keeps from one message to the next, in its snapshot: in the form of an item's audio part, so that it is left out
 * with those where a route stores no sound (`session/silenced.ts`).
 */
export type KeptSound = { readonly type: "sound"; readonly audio?: string };

export function keptSound(bytes: Uint8Array): KeptSound {
  return { type: "sound", audio: bytes.toBase64() };
}

/** What was kept; nothing where it was left out. */
export function soundAgain(kept: KeptSound | undefined): Uint8Array {
  return kept?.audio === undefined ? new Uint8Array(0) : Uint8Array.fromBase64(kept.audio);
}
