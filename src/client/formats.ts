/** What of a session's settings is the SDK's to say. */
import type { ClientEvent } from "./connection-hooks.ts";
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

/**
 * `event` without the formats that the SDK does not play or speak: any but PCM, and those of one answer, for the loudspeaker
 * has one rate. The very `event` where there are none.
 */
export function withoutFormats(event: ClientEvent): ClientEvent {
  const name = event.type === "response.create" ? "response" : "session";
  const audio = objectAt(objectAt(event, name), "audio");
  if (audio === null || (name === "session" && event.type !== "session.update")) return event;
  let kept = audio;
  for (const side of ["input", "output"]) {
    const given = objectAt(audio, side);
    const format = objectAt(given, "format");
    if (format === null || (name === "session" && stringAt(format, "type") === "audio/pcm")) continue;
    const { format: _, ...rest } = given ?? {};
    kept = { ...kept, [side]: rest };
  }
  return kept === audio ? event : { ...event, [name]: { ...objectAt(event, name), audio: kept } };
}
