/** What all sessions of this isolate share of its 128 MB. */
import { KeptSpeech } from "../src/session/aside/kept-speech.ts";
import type { SessionDependencies } from "../src/session/session.ts";
import { isolateAudio } from "./audio-pool.ts";

/** Sentences of the configuration as they sound: a minute and a half at 24 kHz. */
const SPEECH_BYTES = 4 * 1024 * 1024;

export const sharedMemory = {
  audioPool: isolateAudio,
  speechStore: new KeptSpeech(SPEECH_BYTES),
} satisfies Partial<SessionDependencies>;
