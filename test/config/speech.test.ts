/** The relay's own voice in a configuration: what is refused when the Worker starts, and what a session is given. */
import { describe, expect, test } from "vitest";
import { defineRelay, type RelayConfigInput } from "../../src/config/define.ts";
import { resolvePlan, spendsSecret } from "../../src/config/resolve.ts";

type Route = Extract<RelayConfigInput["routes"][string], { upstreams: unknown }>;

const UPSTREAM = { name: "one", adapter: "openai-compatible", url: "wss://voice.example/v1/realtime" };
const SPEECH = {
  adapter: "openai-speech",
  url: "https://speech.example/v1/audio/speech",
  model: "kokoro",
  headers: { Authorization: { env: "SPEECH_KEY", prefix: "Bearer " } },
} as const;
const MOMENT = { moment: { text: " One moment, please. " } };

const define = (route: Partial<Route>, sounds: RelayConfigInput["sounds"] = MOMENT) =>
  defineRelay({ routes: { voice: { upstreams: [UPSTREAM], ...route } }, sounds });

describe("the relay's own voice", () => {
  test("[X410] what does not fit is refused with the place and the reason", () => {
    const fillers = { sounds: ["moment"] };
    const cases: readonly (readonly [Partial<Route>, RelayConfigInput["sounds"], string])[] = [
      [
        { speech: { adapter: "openai" } },
        MOMENT,
        "routes.voice.speech: adapter: expected one of openai-speech",
      ],
      [{ speech: { ...SPEECH, model: "*" } }, MOMENT, "routes.voice.speech.model: it is one voice"],
      [
        { speech: { adapter: "cartesia", model: "sonic" } },
        MOMENT,
        "routes.voice.speech: settings.voice: expected a voice of cartesia's",
      ],
      [{ speech: { ...SPEECH, binding: "AI" } }, MOMENT, "routes.voice.speech: adapters 'workers-ai…'"],
      [{ speech: { ...SPEECH, price: { openPerMinute: -1 } } }, MOMENT, "routes.voice.speech.price"],
      [{ fillers }, MOMENT, "routes.voice.fillers.sounds.0: it is a sentence, and the route has no 'speech'"],
      [
        { fillers, speech: SPEECH },
        { moment: { text: "x".repeat(61) } },
        "routes.voice.fillers.sounds.0: a filler has at most 60 characters",
      ],
      [{}, { moment: { text: "…" } }, "sounds.moment.text: there is nothing in it that can be spoken"],
      [
        {},
        { moment: { text: "x".repeat(501) } },
        "sounds.moment.text: a sentence has at most 500 characters",
      ],
      [{}, { moment: { text: "One.", notes: [] } }, "sounds.moment"],
    ];
    for (const [route, sounds, message] of cases)
      expect(() => define(route, sounds), message).toThrow(message);
    expect(() => define({ fillers, speech: SPEECH })).not.toThrow();
  });

  test("[X410] a session is given who says its sentences; a route whose secret is missing is not offered", () => {
    const config = define({ fillers: { sounds: ["moment", "soft"] }, speech: { ...SPEECH, clients: true } });
    const bindings = { SPEECH_KEY: "sk-1" };
    const { speech, fillers, currency } = resolvePlan(config, "voice", bindings);
    expect(speech).toEqual({
      options: { ...SPEECH, headers: { Authorization: "Bearer sk-1" } },
      clients: true,
    });
    expect(fillers?.sounds[0]).toEqual({ text: "One moment, please.", fixed: true });
    expect(currency).toBeUndefined();
    expect(() => resolvePlan(config, "voice", {})).toThrow(
      "needs the binding SPEECH_KEY for the relay's own voice",
    );
    expect(spendsSecret(config, "voice", bindings)).toBe(true);
    expect(spendsSecret(define({}), "voice", bindings)).toBe(false);
  });

  test("[X408] [X413] a price of the voice or of the background mind alone is a price; two currencies are refused", () => {
    const price = { speechCharactersPerMillion: 15, currency: "EUR" };
    const text = {
      adapter: "chat-completions",
      url: "https://text.example/v1/chat/completions",
      model: "thinker",
      price: { inputTokensPerMillion: 2, currency: "EUR" },
    };
    const config = define({ speech: { ...SPEECH, headers: {}, price }, background: { text } });
    const plan = resolvePlan(config, "voice", {});
    expect([plan.currency, plan.speech?.price, plan.background?.price]).toEqual([
      "EUR",
      { speechCharactersPerMillion: 15 },
      { inputTokensPerMillion: 2 },
    ]);
    expect(plan.background?.text).not.toHaveProperty("price");
    expect(() =>
      define({ speech: { ...SPEECH, price }, background: { text: { ...text, price: { currency: "USD" } } } }),
    ).toThrow("in one currency");
  });
});
