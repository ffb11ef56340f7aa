/** Applications that change how the call works while it goes on. */
import type { JsonObject } from "../../../src/protocol/json.ts";
import type { SimulatedCall } from "../call.ts";
import type { Random } from "../random.ts";
import type { AudioFormat } from "../../../src/audio/format.ts";
import { hasProvider, type Fault } from "./fault.ts";

function update(call: SimulatedCall, input: JsonObject, relay: JsonObject | null = null): void {
  const session = { type: "realtime", audio: { input }, ...(relay === null ? {} : { relay }) };
  call.client.line.send({ type: "session.update", session });
}

const USUAL: JsonObject = { type: "server_vad", create_response: true, interrupt_response: true };
/** Longer than any that a call begins with: who takes that for this ends turns too soon. */
const SILENCES_MS: readonly number[] = [500, 800];

/** A change of turn detection at some moment, and back after a while. */
function turns(name: string, other: (random: Random) => JsonObject | null, told: boolean): Fault {
  return {
    name,
    fits: (scenario) => hasProvider(scenario) && !scenario.manual,
    arm(call, random) {
      call.sometime(random, () => {
        update(call, { turn_detection: other(random) });
        call.checks.strike(name);
        if (told) call.client.name(`own ${name}`);
        call.time.after(random.between(300, 3000), () => {
          if (call.client.over) return;
          update(call, { turn_detection: { ...USUAL, silence_duration_ms: random.pick(SILENCES_MS) } });
          if (told) call.client.name(`own ${name} over`);
        });
      });
    },
  };
}

const FORMATS: readonly AudioFormat[] = [
  { type: "audio/pcm", rate: 8000 },
  { type: "audio/pcm", rate: 16_000 },
  { type: "audio/pcm", rate: 24_000 },
  { type: "audio/pcm", rate: 48_000 },
  { type: "audio/pcmu" },
  { type: "audio/pcma" },
];

/** Some answers are long enough for a whole turn to be spoken into them, and one is. */
function overLongAnswers(fault: Fault): Fault {
  return {
    ...fault,
    arm(call, random) {
      fault.arm(call, random);
      let left = 3;
      for (const provider of call.providers.values()) {
        provider.onAnswer.push((performance) => {
          if (left <= 0 || performance.tool || !random.chance(0.6)) return;
          left -= 1;
          performance.pace = 1.1;
          performance.totalMs = 4500;
          call.client.caller.interruptAfter(random.between(100, 900));
        });
      }
    },
  };
}

export const CLIENT_SETTINGS_FAULTS: readonly Fault[] = [
  turns(
    "client.semantic_vad",
    (random) => ({ type: "semantic_vad", eagerness: random.pick(["auto", "high", "low"]) }),
    true,
  ),
  turns("client.duplex_mode", (random) => ({ type: "duplex", frame_ms: random.pick([20, 200]) }), true),
  overLongAnswers(
    turns("client.no_interruption", () => ({ type: "server_vad", interrupt_response: false }), false),
  ),
  turns("client.no_answers", () => ({ type: "server_vad", create_response: false }), true),
  {
    // Formats of its own from the first word on, and others later.
    name: "client.formats",
    fits: (scenario) => scenario.converted,
    arm(call, random) {
      const change = (): void => {
        if (random.chance(0.6)) call.client.speakIn(random.pick(FORMATS));
        else {
          const session = { type: "realtime", audio: { output: { format: random.pick(FORMATS) } } };
          call.client.line.send({ type: "session.update", session });
        }
        call.checks.strike("client.formats");
      };
      call.time.after(300, change);
      for (let left = random.int(1, 3); left > 0; left -= 1) call.sometime(random, change);
    },
  },
  {
    name: "client.eager_on_off",
    fits: (scenario) => hasProvider(scenario) && !scenario.manual && scenario.dialect === "duplex.v1",
    arm(call, random) {
      for (let left = random.int(1, 3); left > 0; left -= 1) {
        call.sometime(random, () => {
          update(call, {}, { eager_ms: random.pick([50, 150, null]) });
          call.checks.strike("client.eager_on_off");
        });
      }
    },
  },
];
