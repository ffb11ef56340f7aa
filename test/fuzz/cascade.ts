/** A cascade's endpoints over HTTP: a text model and a synthesiser, hostile and honest, each request a peer of its own. */
import { parseJsonObject } from "../../src/protocol/json.ts";
import type { DialRequest, ResponseHead, UpstreamOptions } from "../../src/upstreams/upstream.ts";
import type { Random } from "../sim/random.ts";
import { ScriptedStages } from "../upstreams/cascade/scripted-stages.ts";
import { holdsSecret, Violation } from "./checks.ts";
import { hostileName, hostileText, type LooseObject } from "./hostile.ts";
import { mutate } from "./mutate.ts";
import { SECRET } from "./provider-grammar.ts";
import { quoteIn, spellKey } from "./quote.ts";
import { bytes } from "./spell.ts";
import { transcriberOptions } from "./transcribers.ts";

type StageName = "text" | "speech";

export function cascadeOptions(random: Random): UpstreamOptions {
  const transcriber = transcriberOptions(random);
  const headers = { Authorization: `Bearer ${SECRET}` };
  const times = random.chance(0.3) ? { answerMs: 700, idleMs: 700 } : {};
  const rate = random.chance(0.3) ? { rate: random.pick([8_000, 16_000, 44_100]) } : {};
  return {
    adapter: "cascade",
    settings: random.chance(0.3) ? { wordsMs: random.pick([100, 500]) } : {},
    parts: {
      transcriber,
      text: {
        adapter: "chat-completions",
        url: "https://text.test/v1/chat/completions",
        model: "writer",
        headers,
        settings: times,
      },
      speech: {
        adapter: "openai-speech",
        url: "https://speech.test/v1/audio/speech",
        model: "speaker",
        headers,
        settings: { ...times, ...rate },
      },
    },
  };
}

/** What comes of a request: bytes, its end, or nothing for now. */
export type Come = Uint8Array | { readonly code: number; readonly reason: string } | null;

export interface Stage {
  readonly adapter: string;
  readonly head: ResponseHead;
  say(random: Random, hostility: number): Come;
}

const WHOLE = { code: 1000, reason: "" };
const SSE: ResponseHead = { status: 200, type: "text/event-stream" };
const PCM: ResponseHead = { status: 200, type: "audio/pcm" };
const TYPES = [
  "",
  "application/json",
  "text/html",
  "audio/mpeg",
  "audio/wav",
  "text/event-stream",
  "audio/pcm",
];
const STATUSES = [200, 204, 302, 400, 401, 403, 404, 413, 429, 500, 502, 503];

/** Judges what is asked. @throws Violation */
function stageOf(request: DialRequest): StageName {
  const body = String(request.http?.body);
  if (holdsSecret(body) || holdsSecret(request.url))
    throw new Violation("secret", `a key stands in what is asked: ${body}`);
  if (parseJsonObject(body) === null) throw new Violation("json", `no JSON is asked: ${body}`);
  const stage = new URL(request.url).host.startsWith("text") ? "text" : "speech";
  const judge = new ScriptedStages();
  judge.receive(JSON.stringify({ effect: { type: "open", channel: stage, opening: { request } } }));
  if (judge.refused.length > 0) throw new Violation("asked", `${judge.refused.join("; ")}: ${body}`);
  return stage;
}

/** @throws Violation */
export function stageAt(request: DialRequest, random: Random, hostility: number): Stage {
  const stage = stageOf(request);
  return new HostileStage(stage, random, hostility);
}

/** Head, all that comes and the end of an answer that is as it was asked for. */
export function honestStage(request: DialRequest): {
  readonly head: ResponseHead;
  readonly body: Uint8Array;
} {
  if (stageOf(request) === "speech") return { head: PCM, body: new Uint8Array(9_600).fill(3) };
  return { head: SSE, body: encoded(chunk({ content: "I am here." }) + chunk({}, "stop") + DONE) };
}

const DONE = "data: [DONE]\n\n";
const encoded = (text: string): Uint8Array => new TextEncoder().encode(text);
const chunk = (delta: LooseObject, finish: string | null = null): string => event(chunkOf(delta, finish));
const event = (said: LooseObject): string => `data: ${JSON.stringify(said)}\n\n`;

function chunkOf(delta: LooseObject, finish_reason: string | null = null): LooseObject {
  return { object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason }] };
}

class HostileStage implements Stage {
  readonly adapter: string;
  readonly head: ResponseHead;
  readonly #due: Come[] = [];

  constructor(stage: StageName, random: Random, hostility: number) {
    this.adapter = `cascade ${stage}`;
    const asked = stage === "text" ? SSE : PCM;
    this.head = random.chance(0.25 * hostility)
      ? { status: random.pick(STATUSES), type: random.pick(TYPES) }
      : asked;
    const right = this.head.status === 200 && this.head.type === asked.type;
    if (!right && random.chance(0.8)) this.#say(fault(random), random);
    else if (stage === "text") this.#say(this.#written(random, hostility), random);
    else this.#sounds(random, hostility);
    this.#ends(random, hostility);
  }

  /** Cut as a network does: between any two bytes. */
  #say(text: string | Uint8Array, random: Random): void {
    const all = typeof text === "string" ? encoded(text) : text;
    const most = random.pick([1_000_000, 1_000_000, 200, 37]);
    for (let at = 0; at < all.length;) {
      const size = random.int(1, most);
      this.#due.push(all.slice(at, at + size));
      at += size;
    }
  }

  #written(random: Random, hostility: number): string {
    const events: LooseObject[] = [chunkOf({ role: "assistant", content: "" })];
    for (let n = random.int(0, 5); n > 0; n -= 1) {
      const words = random.pick([
        "Hello. ",
        "How are",
        " you? ",
        "1.5 kg, e.g. ",
        "你好。",
        "🙂 ",
        "```x``` ",
        "* a\n",
      ]);
      events.push(chunkOf({ content: random.chance(0.1 * hostility) ? hostileText(random) : words }));
    }
    if (random.chance(0.2)) events.push(...calls(random));
    events.push(chunkOf({}, random.pick(["stop", "stop", "stop", "length", "content_filter", "tool_calls"])));
    if (random.chance(0.5))
      events.push({ choices: [], usage: { prompt_tokens: 12, completion_tokens: 5, total_tokens: 17 } });
    if (random.chance(0.08 * hostility)) events.splice(random.int(0, events.length), 0, errorOf(random));
    const separator = random.pick(["\n\n", "\n\n", "\r\n\r\n", "\r\r", "\n: ping\n\n"]);
    const said = events.map((each) => {
      if (random.chance(0.15 * hostility)) mutate(each, random, ["call_0", hostileName(random)]);
      const text = spellKey(each, random, 0.04 * hostility);
      return `data: ${typeof text === "string" ? text : new TextDecoder().decode(text)}${separator}`;
    });
    const done = random.chance(0.9) ? DONE : "";
    return said.join("") + done + (random.chance(0.1 * hostility) ? event(chunkOf({ content: "late" })) : "");
  }

  #sounds(random: Random, hostility: number): void {
    const length = random.chance(0.1 * hostility) ? random.pick([0, 1, 3]) : random.int(100, 30_000);
    this.#say(
      Uint8Array.from({ length }, (_, at) => (at * 7) & 255),
      random,
    );
  }

  /** Whole, in its middle, or never. */
  #ends(random: Random, hostility: number): void {
    const kind = random.next();
    if (kind < 0.12 * hostility) this.#due.length = random.int(0, this.#due.length);
    if (kind < 0.06 * hostility) return;
    const code = random.chance(0.12 * hostility) ? random.pick([0, 1006, 1009, 1011]) : 1000;
    this.#due.push(code === 1000 ? WHOLE : { code, reason: random.pick(["", "timeout", "connection lost"]) });
  }

  say(random: Random, hostility: number): Come {
    if (this.#due.length === 0) return random.chance(0.1 * hostility) ? bytes(random) : null;
    if (random.chance(0.01 * hostility)) return bytes(random);
    return this.#due.shift() ?? null;
  }
}

function calls(random: Random): readonly LooseObject[] {
  const indexes = random.pick([[0], [0], [0, 1], [0, 31], [1, 1]]);
  return indexes.flatMap((index, n) => {
    const id = random.pick([`call_${n}`, `call_${n}`, `call_${random.int(0, 99)}`, "call_same", ""]);
    const one = (more: LooseObject): LooseObject => chunkOf({ tool_calls: [{ index, ...more }] });
    return [
      one({
        id,
        type: "function",
        function: { name: random.pick(["get_weather", "get_weather", ""]), arguments: "" },
      }),
      one({ function: { arguments: '{"place":' } }),
      one({ function: { arguments: random.pick(['"Oslo"}', "", "{".repeat(300)]) } }),
    ];
  });
}

function errorOf(random: Random): LooseObject {
  const code = random.pick(["invalid_api_key", "rate_limit_exceeded", "content_filter", "model_not_found"]);
  const error: LooseObject = { message: "It failed.", type: "invalid_request_error", code };
  if (random.chance(0.1)) return { error: "It failed." };
  quoteIn(error, ["message", "code", "type"], random);
  return { error };
}

function fault(random: Random): string {
  const kind = random.next();
  if (kind < 0.6) return JSON.stringify(errorOf(random));
  if (kind < 0.8) return `<html>Not for Bearer ${SECRET}</html>`;
  return kind < 0.9 ? "" : "x".repeat(random.int(1, 40_000));
}
