/** Sentences of the configuration as they sound, for all sessions of this isolate: who says one again asks nobody. */
import { KeptSpeech } from "../src/session/aside/kept-speech.ts";

/** Of the 128 MB that they share: a minute and a half at 24 kHz. */
const ALL_BYTES = 4 * 1024 * 1024;

export const isolateSpeech = new KeptSpeech(ALL_BYTES);
