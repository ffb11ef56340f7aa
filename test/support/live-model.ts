/**
 * A full-duplex model behind a socket: its time passes with the sound that it is sent, and for each tenth of a second of that it gives
 * one of its own, speech or silence. It hears speech by its level, answers a pause, and stops by itself when somebody speaks.
 */
import { voiceOf } from "../../demo/stages.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import { ScriptedLive } from "../upstreams/scripted-live.ts";

const STEP_BYTES = 4800;
const STEP_MS = 100;
const LOUD = 500;
const TURN_ENDS_MS = 500;
const STOPS_MS = 200;

export interface LiveScript {
  readonly say: string;
  /** A task that it hands on while it says so. */
  readonly task?: string;
  /** After so many steps of it the connection breaks. */
  readonly breakAfter?: number;
}

export interface LiveShared {
  /** Words of turns to come. */
  readonly turns: string[];
  readonly live: LiveScript[];
}

export interface LiveSocket {
  send(message: WireMessage): void;
  terminate(): void;
}

export class LiveModel {
  readonly provider: ScriptedLive;
  readonly #socket: LiveSocket;
  readonly #shared: LiveShared;
  #track: Uint8Array = new Uint8Array(0);
  #loudMs = 0;
  #quietMs = 0;
  #turn = false;
  #breaksIn = Infinity;

  constructor(socket: LiveSocket, shared: LiveShared, provider = new ScriptedLive()) {
    this.provider = provider;
    this.#socket = socket;
    this.#shared = shared;
  }

  receive(text: string): void {
    this.#send(this.provider.receive(text));
    this.#receive(JSON.parse(text));
  }

  #send(messages: readonly WireMessage[]): void {
    for (const message of messages) this.#socket.send(message);
  }

  #receive({ type, content }: JsonObject): void {
    if (type === "session.commentary.append") this.#speak();
    // It goes on by itself with what it is told to say; that it is to be silent it was told as well.
    const said = typeof content === "string" ? content : "";
    if (type === "session.instructions.append" && /answer|speak|continue/i.test(said)) this.#speak();
    const { heard } = this.provider;
    while (heard.length >= STEP_BYTES) this.#step(Uint8Array.from(heard.splice(0, STEP_BYTES)));
  }

  #step(heard: Uint8Array): void {
    const loud = new Int16Array(heard.buffer).some((sample) => Math.abs(sample) > LOUD);
    this.#loudMs = loud ? this.#loudMs + STEP_MS : 0;
    this.#quietMs = loud ? 0 : this.#quietMs + STEP_MS;
    if (this.#loudMs >= STOPS_MS) {
      this.#turn = true;
      this.#track = new Uint8Array(0);
    }
    if (this.#turn && this.#quietMs >= TURN_ENDS_MS) {
      this.#turn = false;
      this.#send([this.provider.understood(this.#shared.turns.shift() ?? "Hm?")]);
      this.#speak();
    }
    this.#give();
  }

  #speak(): void {
    const { say, task, breakAfter = Infinity } = this.#shared.live.shift() ?? { say: "Yes." };
    this.#track = voiceOf(say);
    this.#breaksIn = breakAfter;
    this.#send([this.provider.said(say), ...(task === undefined ? [] : [this.provider.delegates(task)])]);
  }

  #give(): void {
    const step = new Uint8Array(STEP_BYTES);
    step.set(this.#track.subarray(0, STEP_BYTES));
    if (this.#track.length > 0) this.#breaksIn -= 1;
    this.#track = this.#track.subarray(STEP_BYTES);
    if (this.#breaksIn < 0) this.#socket.terminate();
    else this.#send(this.provider.audio(step));
  }
}
