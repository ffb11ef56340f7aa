/**
 * A call in virtual time for benchmarks of the core alone: the real session and the real adapter for OpenAI's dialect, a
 * client of either kind, and a provider that says what it is told to say.
 */
import { NO_KERNELS, type AudioKernels } from "../src/audio/kernels.ts";
import { FRAME_AUDIO, writeFrame } from "../src/protocol/frame.ts";
import { CLIENT, type Dialect, type Input } from "../src/session/io.ts";
import { Session } from "../src/session/session.ts";
import { createUpstream } from "../src/upstreams/index.ts";
import type { JsonObject } from "../src/upstreams/upstream.ts";

const MESSAGE = { id: "item_1", object: "realtime.item", type: "message", role: "assistant", content: [] };
const PLACE = { response_id: "resp_1", output_index: 0 };

/** The client reads all that it is sent, and the shell sees that as often as in the object. */
const READS_EVERY_MS = 250;

export interface SteadyOptions {
  readonly dialect: Dialect;
  /** Default: none, by energy. */
  readonly kernels?: AudioKernels;
  /** `audio.input.turn_detection`. */
  readonly detection: JsonObject | null;
}

export class SteadyCall {
  readonly session: Session;
  now = 1_800_000_000_000;
  readonly #binary: boolean;
  /** Messages that were sent to anybody: a call that has ended sends none, and costs nothing. */
  sends = 0;
  #upstream = "";
  #sent = 0;
  #unseenMs = 0;

  constructor({ dialect, kernels = NO_KERNELS, detection }: SteadyOptions) {
    this.#binary = dialect === "duplex.v1";
    const plan = {
      name: "demo",
      upstreams: [
        { name: "demo", options: { adapter: "openai-compatible", url: "http://provider.invalid/" } },
      ],
      session: {},
      detector: kernels === NO_KERNELS ? ("energy" as const) : ("auto" as const),
    };
    const setup = { id: "s", model: "demo", plan, intent: "conversation" as const, session: {} };
    let drawn = 0;
    const drawId = (): string => `drawn${(drawn += 1)}`.padEnd(21, "0");
    this.session = new Session(setup, { drawId, kernels, createUpstream }, this.now);
    this.#feed({ type: "open", peer: CLIENT, dialect });
    this.#feed({ type: "open", peer: this.#upstream });
    this.provider({ type: "session.created", session: {} });
    this.provider({ type: "session.updated", session: {} });
    this.client({
      type: "session.update",
      session: { type: "realtime", audio: { input: { turn_detection: detection } } },
    });
  }

  #feed(input: Input): void {
    for (const action of this.session.handle(input, this.now)) {
      if (action.type === "send") this.sends += 1;
      if (action.type === "dial") this.#upstream = action.peer;
    }
  }

  provider(event: JsonObject): void {
    this.hear(JSON.stringify(event));
  }

  /** A message of the provider's, as it stands on the wire. */
  hear(data: string): void {
    this.#feed({ type: "message", peer: this.#upstream, data });
  }

  client(event: JsonObject): void {
    this.#feed({ type: "message", peer: CLIENT, data: JSON.stringify(event) });
  }

  /** The client asks for an answer, and the provider begins one that has no end. */
  answer(): void {
    this.client({ type: "response.create" });
    this.provider({
      type: "response.created",
      response: { id: "resp_1", object: "realtime.response", output: [] },
    });
    this.provider({ type: "response.output_item.added", ...PLACE, item: MESSAGE });
  }

  /** The provider's next piece of that answer. */
  delta(base64: string): void {
    this.hear(deltaMessage(base64));
  }

  /** So much time passes. */
  pass(ms: number): void {
    this.now += ms;
    this.#unseenMs += ms;
    if (this.#unseenMs >= READS_EVERY_MS) {
      this.#unseenMs = 0;
      this.#feed({ type: "buffered", peer: CLIENT, bytes: 0 });
    }
    const { deadline } = this.session;
    if (deadline !== null && deadline <= this.now) this.#feed({ type: "timeout" });
  }

  /** The client's next frame of 24 kHz PCM. */
  frame(pcm: Uint8Array, base64: string): void {
    this.#sent += 1;
    if (this.#binary) {
      const header = { kind: FRAME_AUDIO, stream: 0, response: 0, sequence: this.#sent };
      this.#feed({ type: "message", peer: CLIENT, data: writeFrame(header, pcm) });
    } else {
      const data = `{"type":"input_audio_buffer.append","audio":"${base64}"}`;
      this.#feed({ type: "message", peer: CLIENT, data });
    }
  }

  /** Everything that was sent to a `duplex.v1` client was received. */
  acknowledge(): void {
    if (this.#binary)
      this.client({ type: "session.ack", last_received: this.session.snapshot().port.sequence });
  }
}

export function deltaMessage(base64: string): string {
  const place = '"response_id":"resp_1","item_id":"item_1","output_index":0,"content_index":0';
  return `{"type":"response.output_audio.delta","event_id":"event_1",${place},"delta":"${base64}"}`;
}
