/** A `turn_detection` of type server_vad as a session has it, with these settings. */
import { initialConfig, mergeConfig, type TurnDetection } from "../../src/protocol/session-config.ts";
import type { JsonObject } from "../../src/protocol/json.ts";

export function turnDetectionOf(settings: JsonObject): TurnDetection | null {
  const turn_detection = { type: "server_vad", ...settings };
  return mergeConfig(initialConfig("realtime"), { audio: { input: { turn_detection } } }).audio.input
    .turn_detection;
}
