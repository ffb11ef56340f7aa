/** What of a session's settings is the SDK's to say. */
import { numberAt, objectAt, stringAt, type JsonObject } from "./json.ts";

/** The formats are the SDK's to say, whatever the application's settings are. */
export function withFormats(session: JsonObject, inputRateHz: number, outputRateHz: number): JsonObject {
  const audio = objectAt(session, "audio");
  return {
    type: "realtime",
    ...session,
    audio: {
      ...audio,
      input: { ...objectAt(audio, "input"), format: { type: "audio/pcm", rate: inputRateHz } },
      output: { ...objectAt(audio, "output"), format: { type: "audio/pcm", rate: outputRateHz } },
    },
  };
}

/** And so is what its player does. */
export function withPlayer(session: JsonObject): JsonObject {
  return { ...session, relay: { ...objectAt(session, "relay"), player: { duck: true } } };
}

/** Null: not said, or no PCM. */
export function rateOf(session: JsonObject | null, side: "input" | "output"): number | null {
  const format = objectAt(objectAt(objectAt(session, "audio"), side), "format");
  return stringAt(format, "type") === "audio/pcm" ? numberAt(format, "rate") : null;
}
