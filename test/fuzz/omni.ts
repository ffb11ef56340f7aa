/** Clients of vLLM-Omni's duplex sessions: what they say, in their words or in OpenAI's. */
import type { Random } from "../sim/random.ts";
import { hostileNumber, isLooseObject, type Loose, type LooseObject } from "./hostile.ts";

/** `event`, which is OpenAI's, or another, as such a client says it. */
export function omniEvent(event: LooseObject, random: Random): LooseObject {
  if (random.chance(0.15)) return ownEvent(random);
  const { type, session } = event;
  if (type === "input_audio_buffer.commit" && random.chance(0.8)) {
    event["final"] = random.chance(0.8);
    if (random.chance(0.5)) event["response_create"] = random.chance(0.7);
  }
  if (isLooseObject(session)) flatten(session, random);
  return event;
}

/** What opens its session. */
export function omniOpening(random: Random): LooseObject {
  const session: LooseObject = { model: "demo", instructions: "Be brief." };
  flatten(session, random);
  return { type: "session.update", session };
}

function flatten(session: LooseObject, random: Random): void {
  delete session["output_modalities"];
  session["modalities"] = random.pick<Loose>([["audio", "text"], ["text"], "audio"]);
  session["input_audio_format"] = random.pick(["pcm16", "pcm16", "pcm_f32le"]);
  session["sample_rate_hz"] = random.chance(0.9) ? random.pick([16_000, 24_000]) : hostileNumber(random);
  const output = random.chance(0.9) ? 24_000 : hostileNumber(random);
  session["audio"] = { input: { sample_rate_hz: 16_000 }, output: { sample_rate_hz: output } };
  session["turn_detection"] = random.pick<Loose>([null, { type: "server_vad" }, "none"]);
  session["extra_body"] = random.pick<Loose>([{ auto_response: random.chance(0.5) }, null, []]);
}

function ownEvent(random: Random): LooseObject {
  return random.pick<LooseObject>([
    { type: "session.event_ack", server_event_seq: random.int(0, 500) },
    { type: "session.heartbeat" },
    { type: "playback.ack", played_ms: hostileNumber(random), committed_ms: 20 },
    { type: "session.resume", session_id: "s", incarnation: 0, resume_token: "t" },
    ...(random.chance(0.03) ? [{ type: "session.close" }] : []),
  ]);
}
