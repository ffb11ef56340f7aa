/** Sounds and fillers of a configuration: what is refused when the Worker starts, and what a session is given. */
import { describe, expect, test } from "vitest";
import { defineRelay, type RelayConfigInput } from "../../src/config/define.ts";
import { isSentence } from "../../src/session/state/sounds.ts";
import { resolvePlan } from "../../src/config/resolve.ts";
import { writeWav } from "../../tools/wav.ts";

type Route = Extract<RelayConfigInput["routes"][string], { upstreams: unknown }>;

const UPSTREAM = { name: "one", adapter: "openai-compatible", url: "wss://voice.example/v1/realtime" };
const wav = (ms: number, rate = 16_000): string =>
  writeWav(new Int16Array((ms * rate) / 1000).fill(1000), rate).toBase64();

function define(fillers: Route["fillers"], sounds?: RelayConfigInput["sounds"]) {
  return defineRelay({ routes: { voice: { upstreams: [UPSTREAM], fillers } }, ...(sounds && { sounds }) });
}

describe("sounds of the relay's own", () => {
  test("[X299] what is none, or does not fit, is refused with the place and the reason", () => {
    const long = { long: { wav: wav(3500) } };
    const stereo = Uint8Array.fromBase64(wav(20));
    stereo[22] = 2;
    for (const [fillers, sounds, message] of [
      [
        { sounds: ["ding"] },
        undefined,
        "routes.voice.fillers.sounds.0: there is no sound 'ding' in 'sounds'",
      ],
      [{ sounds: ["long"] }, long, "routes.voice.fillers.sounds.0: a filler lasts at most 3 seconds"],
      [{ sounds: [] }, undefined, "routes.voice.fillers.sounds: name a sound"],
      [{ afterMs: 100 }, undefined, "routes.voice.fillers.afterMs"],
      [{ most: 0 }, undefined, "routes.voice.fillers.most"],
      [{}, { ding: { wav: "?" } }, "sounds.ding.wav: it is no base64"],
      [{}, { ding: { wav: btoa("RIFFwhatever") } }, "sounds.ding.wav: it is no WAV file"],
      [{}, { ding: { wav: stereo.toBase64() } }, "sounds.ding.wav: it is not mono PCM of 16 bits"],
      [{}, { ding: { wav: wav(0) } }, "sounds.ding.wav: it has no samples"],
      [{}, { ding: { wav: wav(31_000) } }, "sounds.ding.wav: it is longer than 30 seconds"],
      [{}, { "a b": { notes: [{ hz: 440, ms: 100 }] } }, "sounds"],
      [{}, { ding: { notes: [] } }, "sounds.ding.notes"],
      [
        {},
        { ding: { notes: Array.from({ length: 16 }, () => ({ hz: 440, ms: 1000, gapMs: 1000 })) } },
        "sounds.ding.notes: it is longer than 30 seconds",
      ],
    ] as const) {
      expect(
        () => define(fillers && ({ ...fillers } as Route["fillers"]), sounds as RelayConfigInput["sounds"]),
        message,
      ).toThrow(message);
    }
    expect(() => define({ sounds: ["soft", "ding"] }, { ding: { wav: wav(200) } })).not.toThrow();
  });

  test("[X299] a session is given the samples, soft at both ends; a route without fillers has none", () => {
    const config = define({ sounds: ["ding", "soft"], most: 2 }, { ding: { wav: wav(200) } });
    const plan = resolvePlan(config, "voice", {});
    expect(plan.fillers).toMatchObject({ afterMs: 1500, everyMs: 4000, most: 2, whileTool: true });
    const [ding, soft] = (plan.fillers?.sounds ?? []).flatMap((one) => (isSentence(one) ? [] : [one]));
    expect([ding?.rateHz, ding?.samples.length, ding?.samples[0], ding?.samples[1600]]).toEqual([
      16_000, 3200, 0, 1000,
    ]);
    const peak = Math.max(...(soft?.samples ?? []).map(Math.abs));
    expect(peak).toBeGreaterThan(1000);
    expect(peak).toBeLessThan(2500);
    expect([soft?.samples[0], Math.abs(soft?.samples.at(-1) ?? NaN)]).toEqual([0, 0]);
    expect([...(plan.sounds?.keys() ?? [])]).toEqual(["soft", "ding"]);
    expect(resolvePlan(define(undefined), "voice", {}).fillers).toBeUndefined();
    expect([...(resolvePlan(define(undefined), "voice", {}).sounds?.keys() ?? [])]).toEqual(["soft"]);
  });

  test("[X425] backchannels have defaults, and are refused with the place and the reason", () => {
    const route = { upstreams: [{ name: "a", adapter: "echo" }] };
    const given = (backchannels: object, sounds: Record<string, object>, speech: object = {}) =>
      defineRelay({ sounds, routes: { voice: { ...route, backchannels, ...speech } } } as RelayConfigInput);
    const config = given({ sounds: ["ding"] }, { ding: { wav: wav(200) } });
    const plan = resolvePlan(config, "voice", {}).backchannels;
    expect(plan).toMatchObject({ afterMs: 8000, everyMs: 8000 });
    expect(plan?.sounds).toHaveLength(1);
    const speech = { speech: { adapter: "openai-speech", url: "https://voice.example", model: "m" } };
    const long = { mhm: { text: "Yes, I am listening to you." } };
    for (const [wrong, sounds, more, why] of [
      [{ sounds: ["dong"] }, {}, {}, "backchannels.sounds.0: there is no sound 'dong'"],
      [
        { sounds: ["ding"] },
        { ding: { wav: wav(1001) } },
        {},
        "sounds.0: a backchannel lasts at most 1 second",
      ],
      [
        { sounds: ["mhm"] },
        { mhm: { text: "Mhm." } },
        {},
        "sounds.0: it is a sentence, and the route has no",
      ],
      [{ sounds: ["mhm"] }, long, speech, "sounds.0: a backchannel has at most 20 characters"],
      [{ sounds: [] }, {}, {}, "backchannels.sounds: name a sound"],
      [{}, {}, {}, "backchannels.sounds: it is missing"],
      [{ sounds: ["soft"], afterMs: 100 }, {}, {}, "backchannels.afterMs"],
    ] as const)
      expect(() => given(wrong, sounds, more)).toThrow(why);
  });

  test("[X299] they are read once, whatever weights are in force", () => {
    const config = define(undefined, { ding: { wav: wav(200) } });
    const { sounds } = resolvePlan({ ...config }, "voice", {});
    expect(resolvePlan({ ...config }, "voice", {}).sounds).toBe(sounds);
  });
});
