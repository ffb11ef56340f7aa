/** The first byte of a message of a Moshi server (`rust/protocol.md`; `COLOURED`: `client/src/protocol/encoder.ts`). */
export const [HANDSHAKE, AUDIO, TEXT, ERROR, COLOURED] = [0, 1, 2, 5, 7] as const;
