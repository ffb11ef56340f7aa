/** Gemini Live, hostile and honest: JSON in text or in binary messages, answers without names. */
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { objectAt } from "../../src/upstreams/json.ts";
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import { utf8Text } from "../../src/upstreams/utf8.ts";
import type { Random } from "../sim/random.ts";
import { hostileName, loose, type Loose, type LooseObject } from "./hostile.ts";
import { mutate } from "./mutate.ts";
import { quoteIn, spellKey } from "./quote.ts";
import { sound } from "./sounds.ts";
import { bytes } from "./spell.ts";

const MOST_DUE = 60;
const MOST_SAID = 16;

function read(data: WireMessage): JsonObject | null {
  return parseJsonObject(typeof data === "string" ? data : utf8Text(data));
}

/** By what the model is asked to answer, which its setup decides: who begins with a history takes contents for nothing else. */
class Asks {
  #detects = false;
  #seeds = false;

  by(event: JsonObject): boolean {
    const setup = objectAt(event, "setup");
    if (setup !== null) {
      const detection = objectAt(objectAt(setup, "realtimeInputConfig"), "automaticActivityDetection");
      this.#detects = detection?.["disabled"] !== true;
      this.#seeds = objectAt(setup, "historyConfig") !== null;
    }
    if (event["toolResponse"] !== undefined) return true;
    if (objectAt(event, "clientContent")?.["turnComplete"] === true) return !this.#seeds;
    const input = objectAt(event, "realtimeInput");
    return input?.[this.#detects ? "text" : "activityEnd"] !== undefined;
  }
}

function content(serverContent: LooseObject, more: LooseObject = {}): LooseObject {
  return { serverContent, ...more };
}

function spoken(random: Random, rate = 24_000): LooseObject {
  const part = (): LooseObject => ({
    inlineData: { mimeType: `audio/pcm;rate=${rate}`, data: sound(random) },
  });
  return content({ modelTurn: { parts: Array.from({ length: random.pick([1, 1, 1, 3]) }, part) } });
}

function usage(random: Random): LooseObject {
  const usageMetadata = {
    promptTokenCount: random.int(0, 900),
    responseTokenCount: random.int(0, 900),
    thoughtsTokenCount: random.int(0, 9),
    promptTokensDetails: [{ modality: random.pick(["AUDIO", "TEXT"]), tokenCount: random.int(0, 90) }],
    responseTokensDetails: [{ modality: "AUDIO", tokenCount: random.int(0, 90) }],
  };
  return { usageMetadata };
}

function called(random: Random): LooseObject {
  const functionCalls = Array.from({ length: random.int(1, 3) }, (_, n) => ({
    id: random.pick([`call_${n}`, "call_same", hostileName(random)]),
    name: random.pick(["get_weather", hostileName(random)]),
    args: random.pick<Loose>([{ place: "Oslo" }, {}, null, "{}"]),
  }));
  return { toolCall: { functionCalls } };
}

function answer(random: Random): LooseObject[] {
  const pieces = Array.from({ length: random.int(1, 4) }, () =>
    random.pick([
      () => spoken(random),
      () => spoken(random),
      () => content({ outputTranscription: { text: "some words " } }),
      () => content({ modelTurn: { parts: [{ text: "typed words" }] } }),
      () => content({ modelTurn: { parts: [{ text: "thinking", thought: true }] } }),
    ])(),
  );
  if (random.chance(0.2)) pieces.push(called(random));
  const end = random.pick([
    () => [
      content({ generationComplete: true }),
      content({ turnComplete: true }, random.chance(0.5) ? usage(random) : {}),
    ],
    () => [content({ turnComplete: true })],
    () => [content({ interrupted: true }), content({ turnComplete: true })],
    () => [content({ generationComplete: true })],
  ])();
  return [...pieces, ...end];
}

/** All that a server of Gemini Live may say at any time. */
const EVENTS: readonly ((random: Random) => LooseObject)[] = [
  () => ({ setupComplete: {} }),
  (random) => spoken(random, random.pick([24_000, 8_000, 48_000, 1, 11_025])),
  (random) => content({ inputTranscription: { text: "heard words ", finished: random.chance(0.3) } }),
  () => content({ outputTranscription: { text: "said words " } }),
  (random) =>
    content({
      [random.pick(["turnComplete", "interrupted", "generationComplete", "waitingForInput"])]: true,
    }),
  (random) => usage(random),
  (random) => called(random),
  (random) => ({ toolCallCancellation: { ids: ["call_0", hostileName(random)] } }),
  (random) => ({ goAway: { timeLeft: random.pick(["50s", "0.5s", "-1s", "1e9s", "soon"]) } }),
  (random) => ({
    voiceActivity: {
      voiceActivityType: random.pick(["ACTIVITY_START", "ACTIVITY_END", hostileName(random)]),
    },
  }),
  (random) => ({ sessionResumptionUpdate: { newHandle: "h".repeat(random.int(0, 400)), resumable: true } }),
  (random) => ({ [hostileName(random)]: {} }),
  (random) => {
    const status = random.pick<Loose>(["RESOURCE_EXHAUSTED", null, hostileName(random)]);
    return { error: { code: 429, message: "API key not valid.", status } };
  },
];

export class HostileGemini {
  readonly #due: LooseObject[] = [];
  readonly #said: (string | Uint8Array)[] = [];
  readonly #asks = new Asks();
  #asked = 0;

  receive(data: WireMessage): void {
    if (typeof data === "string" && data.startsWith('{"realtimeInput":{"audio"')) return;
    const event = read(data);
    if (event === null) return;
    if (event["setup"] !== undefined) this.#due.push({ setupComplete: {} });
    if (this.#asks.by(event)) this.#asked = Math.min(this.#asked + 1, 8);
  }

  say(random: Random, hostility: number): string | Uint8Array {
    if (random.chance(0.02 * hostility)) return bytes(random);
    if (this.#said.length > 0 && random.chance(0.06 * hostility)) return random.pick(this.#said);
    const event = this.#next(random, hostility);
    if (random.chance(0.35 * hostility)) mutate(event, random, ["call_0", "call_same"]);
    quoteIn(event["error"], ["message", "status"], random);
    const text = spellKey(event, random, 0.08 * hostility);
    const message = typeof text === "string" && random.chance(0.5) ? new TextEncoder().encode(text) : text;
    this.#said.push(message);
    if (this.#said.length > MOST_SAID) this.#said.shift();
    return message;
  }

  #next(random: Random, hostility: number): LooseObject {
    if (this.#asked > 0 && this.#due.length < MOST_DUE) {
      this.#asked -= 1;
      this.#due.push(...answer(random));
    }
    if (this.#due.length === 0 || random.chance(0.3 * hostility)) return random.pick(EVENTS)(random);
    const at = random.chance(0.1 * hostility) ? random.int(0, this.#due.length - 1) : 0;
    const [event = {}] = this.#due.splice(at, 1);
    return loose(event) as LooseObject;
  }
}

export class HonestGemini {
  readonly #asks = new Asks();
  #typed = false;

  opened(): readonly WireMessage[] {
    return [];
  }

  receive(data: WireMessage): readonly WireMessage[] {
    const event = read(data);
    if (event === null) return [];
    const asked = this.#asks.by(event);
    const setup = objectAt(event, "setup");
    if (setup !== null) {
      const modalities = objectAt(setup, "generationConfig")?.["responseModalities"];
      this.#typed = Array.isArray(modalities) && modalities.includes("TEXT");
      return ['{"setupComplete":{}}'];
    }
    if (!asked) return [];
    const text = "I am here.";
    const said = this.#typed
      ? { modelTurn: { parts: [{ text }] } }
      : {
          modelTurn: { parts: [{ inlineData: { mimeType: "audio/pcm;rate=24000", data: AUDIO } }] },
          outputTranscription: { text },
        };
    return [content(said), content({ generationComplete: true }), content({ turnComplete: true })].map(
      (each) => JSON.stringify(each),
    );
  }
}

const AUDIO = new Uint8Array(new Int16Array(2_400).fill(3_000).buffer).toBase64();
