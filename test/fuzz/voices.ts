/** The relay's own voice: what it is asked to say, and what comes of it. */
import type { Plan } from "../../src/session/state/plan.ts";
import type { Random } from "../sim/random.ts";
import { voice } from "../support/signal.ts";
import { hostileText, type LooseObject } from "./hostile.ts";
import { SECRET } from "./provider-grammar.ts";
import type { Manners } from "./services.ts";

const SPEECH = {
  adapter: "openai-speech",
  url: "https://voice.fuzz/",
  model: "m",
  headers: { Authorization: `Bearer ${SECRET}` },
};
const MOMENT = { text: "One moment, please.", fixed: true } as const;

/** A plan whose relay says sentences. */
export const FUZZED_VOICE: Pick<Plan, "speech" | "sounds" | "fillers"> = {
  speech: { options: SPEECH, clients: true },
  sounds: new Map([["moment", MOMENT]]),
  fillers: { afterMs: 200, everyMs: 1000, most: 3, whileTool: true, sounds: [MOMENT] },
};

const text = (words: string): Uint8Array => new TextEncoder().encode(words);
const sound = (ms: number): Uint8Array => new Uint8Array(voice(ms).slice().buffer);

export const VOICES: Manners = {
  peers: "speech/",
  statuses: [200, 200, 200, 200, 200, 401, 503],
  types: ["audio/pcm", "audio/pcm", "application/octet-stream", "audio/mpeg", "application/json"],
  bodies: [
    sound(200),
    sound(1000).subarray(1),
    sound(31_000),
    new Uint8Array(4800),
    text(`{"error":{"code":"invalid_api_key","message":"${SECRET}"}}`),
    text("[".repeat(5000)),
    new Uint8Array(),
  ],
};

/** `relay.say` of a client. */
export function sentence(random: Random): LooseObject {
  return {
    type: "relay.say",
    say_id: `s${random.int(0, 9)}`,
    ...(random.chance(0.8) && { text: random.chance(0.5) ? "We close soon." : hostileText(random) }),
    ...(random.chance(0.3) && { sound: random.pick(["moment", "soft", "constructor"]) }),
    interrupt: random.chance(0.5),
    expires_ms: random.pick([0, 500, 30_000]),
  };
}
