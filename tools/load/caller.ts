/** One caller of a load test: speaks in real time, ends a turn every few seconds and waits for the answer. */
import { FRAME_AUDIO, readFrameHeader, writeFrame } from "../../src/protocol/frame.ts";
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { objectAt, textAt } from "../../src/upstreams/json.ts";
import { Line, LineError } from "../talk/line.ts";

export interface LoadOptions {
  readonly url: string;
  readonly key: string;
  readonly seconds: number;
  /** Length of what the caller says before each answer. */
  readonly turnMs: number;
}

export interface CallFigures {
  /** From dialling to `session.created`. */
  readonly connectMs: number;
  /** From `input_audio_buffer.commit` to `input_audio_buffer.committed`, one per turn. */
  readonly commitMs: readonly number[];
  /** From the commit to the first audio of the answer, one per answered turn. */
  readonly firstAudioMs: readonly number[];
  /** How late each 20 ms frame was sent: the load generator's own trouble, not the relay's. */
  readonly lateMs: readonly number[];
  readonly turns: number;
  readonly answers: number;
  readonly receivedBytes: number;
  readonly failure: string | null;
}

const FRAME_MS = 20;
/** 20 ms of PCM16 at 24 kHz. */
const FRAME_BYTES = 960;
const ANSWER_LIMIT_MS = 20_000;

/** Never rejects: what went wrong is a figure. */
export async function call(options: LoadOptions): Promise<CallFigures> {
  const begun = performance.now();
  const figures = {
    connectMs: Number.NaN,
    commitMs: [] as number[],
    firstAudioMs: [] as number[],
    lateMs: [] as number[],
    turns: 0,
    answers: 0,
    receivedBytes: 0,
    failure: null as string | null,
  };
  let line: Line | null = null;
  try {
    line = await Line.open(options.url, options.key, "duplex.v1");
    await line.until("session.created");
    figures.connectMs = performance.now() - begun;
    const session = { type: "realtime", audio: { input: { turn_detection: null } } };
    line.send(JSON.stringify({ type: "session.update", session }));
    await line.until("session.updated");
    await new Caller(line, options, figures).run();
  } catch (error) {
    figures.failure = error instanceof LineError ? error.message : String(error);
  }
  await line?.hangUp();
  return figures;
}

type Figures = { -readonly [K in keyof CallFigures]: CallFigures[K] } & {
  commitMs: number[];
  firstAudioMs: number[];
  lateMs: number[];
};

class Caller {
  readonly #line: Line;
  readonly #options: LoadOptions;
  readonly #figures: Figures;
  readonly #frame = new Uint8Array(FRAME_BYTES);
  /** Messages sent, text and binary (docs/wire.md), `session.update` included. */
  #sequence = 1;
  #committedAt: number | null = null;
  #answering = false;
  #heard = false;

  constructor(line: Line, options: LoadOptions, figures: Figures) {
    this.#line = line;
    this.#options = options;
    this.#figures = figures;
    for (let i = 0; i < FRAME_BYTES; i += 2) this.#frame[i + 1] = Math.round(20 * Math.sin(i / 9)) & 0xff;
  }

  async run(): Promise<void> {
    this.#line.listen((message) =>
      typeof message === "string" ? this.#event(message) : this.#audio(message),
    );
    const framesPerTurn = Math.round(this.#options.turnMs / FRAME_MS);
    const start = performance.now();
    let spoken = 0;
    for (let frame = 0; ; frame++) {
      const early = start + frame * FRAME_MS - performance.now();
      if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
      else this.#figures.lateMs.push(-early);
      if (this.#line.closed !== null) throw new LineError(`closed with ${this.#line.closed.code}`);
      if (this.#answering) {
        if (performance.now() - (this.#committedAt ?? 0) > ANSWER_LIMIT_MS) throw new LineError("no answer");
        continue;
      }
      if (performance.now() - start > this.#options.seconds * 1000) return;
      this.#speak();
      spoken += 1;
      if (spoken % framesPerTurn === 0) this.#endTurn();
    }
  }

  #speak(): void {
    this.#sequence += 1;
    const header = { kind: FRAME_AUDIO, stream: 0, response: 0, sequence: this.#sequence };
    this.#line.send(writeFrame(header, this.#frame));
  }

  #endTurn(): void {
    this.#answering = true;
    this.#heard = false;
    this.#committedAt = performance.now();
    this.#figures.turns += 1;
    this.#sequence += 2;
    this.#line.send('{"type":"input_audio_buffer.commit"}');
    this.#line.send('{"type":"response.create"}');
  }

  #audio(message: Uint8Array): void {
    if (readFrameHeader(message)?.kind !== FRAME_AUDIO) return;
    this.#figures.receivedBytes += message.byteLength;
    if (this.#heard) return;
    this.#heard = true;
    this.#figures.firstAudioMs.push(this.#sinceCommit());
  }

  #event(text: string): void {
    const event: JsonObject | null = parseJsonObject(text);
    const type = textAt(event, "type");
    if (type === "input_audio_buffer.committed") this.#figures.commitMs.push(this.#sinceCommit());
    if (type === "response.done") {
      this.#answering = false;
      this.#figures.answers += 1;
    }
    if (type === "error") this.#figures.failure ??= textAt(objectAt(event, "error"), "message") ?? "error";
  }

  #sinceCommit(): number {
    return performance.now() - (this.#committedAt ?? performance.now());
  }
}
