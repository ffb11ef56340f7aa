/**
 * `relay.say`: the application has something said to the caller: in words, in a sound that it sends, or in one that the
 * configuration has.
 */
import { createDecoder } from "../../audio/codec.ts";
import { bytesPerSample, sampleRateHz, type AudioFormat } from "../../audio/format.ts";
import { ClientError } from "../../protocol/client-error.ts";
import type { Json } from "../../protocol/json.ts";
import { isSpeakable } from "../../upstreams/cascade/synthesiser.ts";
import type { Announcement } from "./announcements.ts";
import { isSentence, type Sentence, type Sound } from "../state/sounds.ts";
import { MOST_MS } from "./synthesis.ts";

/** Characters of a sentence: what is said in half a minute. */
const MOST_TEXT = 500;
/** Waits for its gap so long, where it says nothing else. */
const EXPIRES_MS = 30_000;
const MOST_EXPIRES_MS = 300_000;
const ID = /^[\w.:-]{1,64}$/;

export interface SayFrom {
  /** Of what the caller hears. */
  readonly format: AudioFormat;
  /** A sound of the configuration. */
  readonly named: (name: string) => Sound | Sentence | undefined;
  readonly newId: () => string;
  /** The relay has a voice of its own. */
  readonly speaks: boolean;
  /** It is a client's, which plays by itself what it has. */
  readonly client: boolean;
}

/** Its members, whoever says it. */
export type SayMessage = {
  readonly [member in "text" | "audio" | "sound" | "say_id" | "interrupt" | "expires_ms"]?: Json | undefined;
};

/** @throws ClientError naming the field. */
export function readSay(message: SayMessage, from: SayFrom): Announcement {
  const { say_id: id = null, interrupt = null, expires_ms: expires = null } = message;
  if (id !== null && (typeof id !== "string" || !ID.test(id)))
    throw invalid("say_id", "expected 1 to 64 letters, digits or any of _ . : -");
  if (interrupt !== null && typeof interrupt !== "boolean") throw invalid("interrupt", "expected a boolean");
  if (expires !== null && !(typeof expires === "number" && expires >= 0 && expires <= MOST_EXPIRES_MS))
    throw invalid("expires_ms", `expected a number of 0 to ${MOST_EXPIRES_MS}`);
  return {
    id: id ?? from.newId(),
    ...saidIn(message, from),
    interrupts: interrupt ?? false,
    expiresMs: expires ?? EXPIRES_MS,
  };
}

function saidIn(message: SayMessage, from: SayFrom): Pick<Announcement, "said" | "otherwise"> {
  const { text = null, audio = null, sound = null } = message;
  if (audio !== null && from.client)
    throw invalid("audio", "a client's 'relay.say' has 'text' or 'sound': it plays its own audio itself");
  if (audio !== null ? text !== null || sound !== null : text === null && sound === null)
    throw invalid(
      "audio",
      "'relay.say' has 'text', 'audio' or 'sound', or 'text' with a 'sound' in its place",
    );
  if (audio !== null) return { said: audioOf(audio, from.format) };
  const named = sound === null ? null : namedSound(sound, from);
  if (text === null) {
    if (named === null) throw invalid("sound", NO_SOUND);
    if (isSentence(named.said)) requireVoice("sound", from);
    return { said: named.said };
  }
  if (named !== null && isSentence(named.said))
    throw invalid("sound", "in place of a 'text' it is a sound, and no sentence");
  const said = { text: textOf(text) };
  requireVoice("text", from);
  return named === null ? { said } : { said, otherwise: named.name };
}

const NO_SOUND = "the configuration has no sound of this name";

function namedSound(
  name: Json,
  { named }: SayFrom,
): { readonly name: string; readonly said: Sound | Sentence } {
  const said = typeof name === "string" ? named(name) : undefined;
  if (said === undefined || typeof name !== "string") throw invalid("sound", NO_SOUND);
  return { name, said };
}

function textOf(given: Json): string {
  // Voices refuse half a character.
  const text = typeof given === "string" ? given.trim().toWellFormed() : "";
  if (!isSpeakable(text)) throw invalid("text", "expected words");
  if (text.length > MOST_TEXT) throw invalid("text", `expected at most ${MOST_TEXT} characters`);
  return text;
}

function requireVoice(param: string, { speaks }: SayFrom): void {
  if (!speaks)
    throw new ClientError(
      "unsupported",
      "The route has no voice for the relay's own sentences ('speech').",
      param,
    );
}

function audioOf(audio: Json, format: AudioFormat): Sound {
  if (typeof audio !== "string") throw invalid("audio", "expected base64");
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.fromBase64(audio);
  } catch {
    throw invalid("audio", "expected base64");
  }
  const size = bytesPerSample(format);
  const rateHz = sampleRateHz(format);
  if (bytes.length === 0 || bytes.length % size !== 0)
    throw invalid("audio", "expected whole samples, one or more");
  if (bytes.length / size > (MOST_MS * rateHz) / 1000)
    throw invalid("audio", `expected at most ${MOST_MS / 1000} seconds`);
  return { rateHz, samples: createDecoder(format).decode(bytes).slice() };
}

function invalid(param: string, what: string): ClientError {
  return new ClientError("invalid_value", `Invalid '${param}': ${what}.`, param);
}
