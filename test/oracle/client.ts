/** Plays a script over one connection after another and keeps what came back. */
import type { Json, JsonObject } from "../../src/protocol/json.ts";
import { encode } from "../../demo/codec.ts";
import { objectOf, parsed, textOf } from "./fields.ts";
import { silence, voice } from "../support/signal.ts";
import type { Far, Peer } from "./provider.ts";
import { resolved, spell, type Script, type Speech, type Step } from "./script.ts";

export interface Received {
  /** Which connection and which stretch between two settlings of the script. */
  readonly call: number;
  readonly stretch: number;
  readonly at: number;
  /** Steps of the script that were taken by then. */
  readonly step: number;
  readonly event: JsonObject;
}

/** Time as a client needs it, virtual or real. */
export interface ClientTime {
  readonly now: number;
  after(ms: number, run: () => void): unknown;
}

/** Nothing came for so long: all is said. */
const QUIET_MS = 700;
/** No step waits longer. */
const STEP_MS = 60_000;
const UNTIL_MS = 8_000;

export type Dial = (peer: Peer) => Far;

export class Client implements Peer {
  readonly received: Received[] = [];
  over = false;
  readonly #time: ClientTime;
  readonly #quietMs: number;
  readonly #script: Script;
  readonly #dial: Dial;
  readonly #names = new Map<string, string>();
  readonly #open = new Set<string>();
  #far: Far | null = null;
  #call = 0;
  #stretch = 0;
  #step = 0;
  #awaited: string | null = null;
  #lastAt = 0;
  #ending = false;
  /** Counts waits, so that an old one that ends is nobody's. */
  #waits = 0;

  constructor(time: ClientTime, script: Script, dial: Dial, quietMs = QUIET_MS) {
    this.#time = time;
    this.#quietMs = quietMs;
    this.#script = script;
    this.#dial = dial;
  }

  begin(): void {
    this.#connect();
    this.#settle(this.#time.now);
  }

  message(text: string): void {
    const event = parsed(text);
    if (event === null) throw new Error(`no event: ${text.slice(0, 200)}`);
    this.#keep(event);
  }

  closed(code: number, reason: string): void {
    this.#keep({ type: "(closed)", code, reason });
    this.#far = null;
    this.#open.clear();
  }

  #connect(): void {
    const call = (this.#call += 1);
    // What an old connection still says is nobody's any more.
    this.#far = this.#dial({
      message: (text) => call === this.#call && this.message(text),
      closed: (code, reason) => call === this.#call && this.closed(code, reason),
    });
  }

  #keep(event: JsonObject): void {
    this.#lastAt = this.#time.now;
    this.received.push({
      call: this.#call,
      stretch: this.#stretch,
      at: this.#time.now,
      step: this.#step,
      event,
    });
    this.#learn(event);
    if (this.#awaited === event["type"]) this.#proceed();
  }

  #learn(event: JsonObject): void {
    const { type, response, item } = event;
    if (type === "response.created") {
      this.#open.add(textOf(objectOf(response)["id"]));
      this.#names.set("$response", textOf(objectOf(response)["id"]));
    } else if (type === "response.done") this.#open.delete(textOf(objectOf(response)["id"]));
    else if (type === "response.output_item.added") {
      const { id, type: kind, call_id } = objectOf(item);
      if (kind === "message") this.#names.set("$assistant", textOf(id));
      if (kind === "function_call") this.#names.set("$call", textOf(call_id));
      if (!isOfProvider(kind)) this.#names.set("$item", textOf(id));
    } else if (type === "conversation.item.added") {
      const { id, role, type: kind } = objectOf(item);
      // One side has what the other refuses ("spoken item"): what follows does not name it.
      if (isOfProvider(kind) || JSON.stringify(item).includes('"output_audio"')) return;
      if (role === "user") this.#names.set("$user", textOf(id));
      this.#names.set("$item", textOf(id));
    }
  }

  #proceed(): void {
    this.#awaited = null;
    this.#waits += 1;
    this.#time.after(0, () => this.#next());
  }

  #next(): void {
    const step = this.#script.steps[this.#step];
    this.#step += 1;
    if (step !== undefined) return this.#do(step);
    // Whatever the script ends with, the last answer is heard to its end.
    if (this.#ending) this.over = true;
    else {
      this.#ending = true;
      this.#settle(this.#time.now);
    }
  }

  #do(step: Step): void {
    switch (step.do) {
      case "send": {
        const event = resolved(step.event, this.#names) as JsonObject;
        this.#far?.send(spell(event, step.spelling ?? "plain"));
        return this.#next();
      }
      case "raw":
        this.#far?.send(step.binary === true ? new TextEncoder().encode(step.text) : step.text);
        return this.#next();
      case "say":
        return this.#say(step, 0);
      case "wait":
        this.#time.after(step.ms, () => this.#next());
        return;
      case "until":
        this.#awaited = step.type;
        return this.#giveUpLater(this.#waits);
      case "settle":
        this.#lastAt = this.#time.now;
        return this.#settle(this.#time.now);
      case "reconnect":
        this.#far?.close(1000);
        this.#open.clear();
        this.#stretch += 1;
        this.#connect();
        return this.#settle(this.#time.now);
      default:
        step satisfies never;
    }
  }

  #giveUpLater(wait: number): void {
    this.#time.after(UNTIL_MS, () => {
      if (wait === this.#waits) this.#proceed();
    });
  }

  #settle(since: number): void {
    this.#time.after(this.#quietMs, () => {
      const quiet = this.#time.now - this.#lastAt >= this.#quietMs && this.#open.size === 0;
      if (!quiet && this.#time.now - since < STEP_MS) return this.#settle(since);
      this.#stretch += 1;
      this.#next();
    });
  }

  #say(speech: Speech, fromMs: number): void {
    if (fromMs >= speech.ms) return this.#next();
    const toMs = Math.min(speech.ms, fromMs + speech.chunkMs);
    const audio = wireBytes(speech).subarray(...range(speech, fromMs, toMs));
    this.#far?.send(
      spell(
        { type: "input_audio_buffer.append", audio: Buffer.from(audio).toString("base64") },
        speech.spelling,
      ),
    );
    if (speech.burst) this.#say(speech, toMs);
    else this.#time.after(toMs - fromMs, () => this.#say(speech, toMs));
  }
}

/** What a provider runs by itself, and no script asks for. */
function isOfProvider(kind: Json | undefined): boolean {
  return textOf(kind).startsWith("mcp_call");
}

function range(speech: Speech, fromMs: number, toMs: number): [number, number] {
  const bytesPerMs = speech.format === "audio/pcm" ? 48 : 8;
  return [fromMs * bytesPerMs, toMs * bytesPerMs];
}

const made = new Map<string, Uint8Array>();

/** The same speech is asked for by many scripts. */
function wireBytes({ kind, ms, seed, format }: Speech): Uint8Array {
  const key = `${kind} ${ms} ${seed} ${format}`;
  const known = made.get(key);
  if (known !== undefined) return known;
  const rate = format === "audio/pcm" ? 24_000 : 8_000;
  const samples = kind === "voice" ? voice(ms, rate, seed) : silence(ms, rate, seed);
  const bytes = encode(samples, format === "audio/pcm" ? { type: format, rate: 24_000 } : { type: format });
  made.set(key, bytes);
  return bytes;
}
