/** The demo's voice: flite in a worker thread behind a small cache, one per server, shared by its sessions. */
import { Worker } from "node:worker_threads";
import { FLITE_VOICES, type FliteVoice } from "./flite.ts";
import type { SayReply, SayRequest } from "./voice-worker.ts";

/** Finished sentences kept: 32 MB, about eleven minutes at 24 kHz. */
const MAX_CACHED_BYTES = 32 * 1024 * 1024;
/** Sentences waiting for the worker; beyond it a response fails instead of queueing without end. */
const MAX_WAITING = 512;

interface Waiting {
  readonly resolve: (samples: Int16Array) => void;
  readonly reject: (error: Error) => void;
}

export interface Speech {
  /**
   * Samples of one sentence at `rateHz`. The array is shared: do not write to it.
   * `speed` 0.25 to 1.5, as in `session.audio.output.speed`.
   * @throws Error when it cannot be said.
   */
  say(text: string, voice: FliteVoice, speed: number, rateHz: number): Promise<Int16Array>;
}

export class Voice implements Speech {
  #worker: Worker | null = null;
  #nextId = 1;
  #closed = false;
  #cachedBytes = 0;
  readonly #waiting = new Map<number, Waiting>();
  readonly #inFlight = new Map<string, Promise<Int16Array>>();
  /** In order of last use. */
  readonly #cache = new Map<string, Int16Array>();

  /** @throws Error when the engine fails or too many sentences wait. */
  async say(text: string, voice: FliteVoice, speed: number, rateHz: number): Promise<Int16Array> {
    const key = `${voice}|${speed}|${rateHz}|${text}`;
    const cached = this.#cache.get(key);
    if (cached !== undefined) {
      this.#cache.delete(key);
      this.#cache.set(key, cached);
      return cached;
    }
    const running = this.#inFlight.get(key);
    if (running !== undefined) return running;
    const promise = this.#ask({ id: this.#nextId, text, voice, stretch: 1 / speed, rateHz });
    this.#inFlight.set(key, promise);
    try {
      const samples = await promise;
      this.#remember(key, samples);
      return samples;
    } finally {
      this.#inFlight.delete(key);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#fail(new Error("the voice is closed"));
    await this.#worker?.terminate();
    this.#worker = null;
  }

  #ask(request: SayRequest): Promise<Int16Array> {
    if (this.#closed) return Promise.reject(new Error("the voice is closed"));
    if (this.#waiting.size >= MAX_WAITING) return Promise.reject(new Error("too many sentences are waiting"));
    this.#nextId += 1;
    this.#worker ??= this.#start();
    this.#worker.postMessage(request, []);
    return new Promise((resolve, reject) => {
      this.#waiting.set(request.id, { resolve, reject });
    });
  }

  #start(): Worker {
    // Test runners hand their own flags down; the worker needs none.
    const worker = new Worker(new URL("voice-worker.ts", import.meta.url), { execArgv: [] });
    worker.unref();
    worker.on("message", (reply: SayReply) => {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if ("samples" in reply) waiting?.resolve(reply.samples);
      else waiting?.reject(new Error(reply.error));
    });
    // A dead worker fails what waited for it and is replaced at the next sentence.
    worker.on("error", (error: Error) => {
      if (this.#worker === worker) this.#worker = null;
      this.#fail(error);
    });
    return worker;
  }

  #fail(error: Error): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }

  #remember(key: string, samples: Int16Array): void {
    this.#cache.set(key, samples);
    this.#cachedBytes += samples.byteLength;
    for (const [oldest, old] of this.#cache) {
      if (this.#cachedBytes <= MAX_CACHED_BYTES) break;
      this.#cache.delete(oldest);
      this.#cachedBytes -= old.byteLength;
    }
  }
}

/** OpenAI's voice names, so that a client's choice is heard as a difference. */
const VOICE_NAMES: Readonly<Record<string, FliteVoice>> = {
  alloy: "slt",
  ash: "rms",
  ballad: "awb",
  cedar: "rms",
  coral: "slt",
  echo: "kal16",
  marin: "slt",
  sage: "awb",
  shimmer: "slt",
  verse: "kal16",
};

/** Any voice of the dialect: a flite voice's own name, an OpenAI name, else `slt`. */
export function fliteVoice(voice: string | { readonly id: string }): FliteVoice {
  const name = typeof voice === "string" ? voice : voice.id;
  return FLITE_VOICES.find((known) => known === name) ?? VOICE_NAMES[name] ?? "slt";
}

/** Longest text synthesised in one piece, in characters: about 20 s of speech. */
const MAX_SENTENCE = 320;

/** Splits an answer into the pieces it is synthesised in. Joined by nothing they are `text` again. */
export function sentences(text: string): string[] {
  const pieces = text.match(/[^]*?(?:[.!?:;]["')]*(?:\s+|$)|\n+|$)/g)?.filter((piece) => piece !== "") ?? [];
  return pieces.flatMap((piece) => splitLong(piece));
}

function splitLong(piece: string): string[] {
  if (piece.length <= MAX_SENTENCE) return [piece];
  const space = piece.lastIndexOf(" ", MAX_SENTENCE);
  const cut = space > 0 ? space + 1 : MAX_SENTENCE;
  return [piece.slice(0, cut), ...splitLong(piece.slice(cut))];
}
