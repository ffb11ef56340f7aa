/**
 * A ten-minute conversation in virtual time through the parts that ship (core, adapter, shell, store), with everything
 * counted that is billed: what comes in, what is written, what is logged. The provider takes turns by the relay's word and
 * speaks three times as fast as it is heard.
 */
import type { CallStorage } from "../../durable-objects/call-storage.ts";
import { CallStore } from "../../durable-objects/call-store.ts";
import type { DialEvents } from "../../durable-objects/dial.ts";
import type { ClientSocket } from "../../durable-objects/pending-clients.ts";
import { Shell } from "../../durable-objects/shell.ts";
import { NO_KERNELS } from "../../src/audio/kernels.ts";
import { FRAME_AUDIO, readFrameHeader, writeFrame } from "../../src/protocol/frame.ts";
import type { Dialect } from "../../src/session/io.ts";
import type { StorageMode } from "../../src/session/state/plan.ts";
import { Session } from "../../src/session/session.ts";
import { silenced } from "../../src/session/silenced.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import { silence, voice } from "../../test/support/signal.ts";
import type { Counts } from "./prices.ts";
import { VirtualClock } from "./virtual-clock.ts";

export interface CallKind {
  readonly dialect: Dialect;
  readonly frameMs: number;
  readonly storage: StorageMode;
}

const SECONDS = 600;
/** One turn: the caller speaks and is silent, the provider answers. */
const TURN_MS = 8000;
const SPEECH_MS = 2400;
const ANSWER_MS = 3600;
const DELTA_MS = 100;
const RATE = 24;
const ACKNOWLEDGES_EVERY_MS = 1000;
/** A connection's upgrade reaches the Worker, and from there the object. */
const OPENED = 1;

/** Counts what is written; keeps it, because the store reads some of it again. */
class CountingStorage implements CallStorage {
  rows = 0;
  /** Rows that went with the whole database. */
  emptied = 0;
  readonly #values = new Map<string, unknown>();
  readonly kv: CallStorage["kv"] = {
    get: (key) => this.#values.get(key),
    list: ({ prefix }) => [...this.#values].filter(([key]) => key.startsWith(prefix)),
    put: (key, value) => void this.put(key, value),
    delete: (key) => this.delete(key),
  };

  async put(first: string | Record<string, unknown>, value?: unknown): Promise<void> {
    const entries = typeof first === "string" ? [[first, value] as const] : Object.entries(first);
    for (const [key, each] of entries) this.#values.set(key, each);
    this.rows += entries.length;
  }

  async delete(keys: string | string[]): Promise<void> {
    for (const key of [keys].flat()) this.#values.delete(key);
    this.rows += [keys].flat().length;
  }

  async setAlarm(): Promise<void> {
    this.rows += 1;
  }

  async deleteAlarm(): Promise<void> {}
  async sync(): Promise<void> {}

  /**
   * Puts an empty database in the place of this one: no statement deletes a row (workerd, `SqliteKv::deleteAll`). Whether the bill
   * has rows for it is not documented: a row each, at most.
   */
  async deleteAll(): Promise<void> {
    this.emptied += this.#values.size;
    this.#values.clear();
  }
}

/** An OpenAI-like provider at the end of one dial: answers what it is asked for. */
class Provider {
  messages = 0;
  readonly #clock: VirtualClock;
  readonly #events: DialEvents;
  #answers = 0;

  constructor(clock: VirtualClock, events: DialEvents) {
    this.#clock = clock;
    this.#events = events;
    clock.schedule(() => {
      events.opened({ send: (data) => this.#hears(String(data)), close: () => {}, bufferedAmount: 0 });
      this.#say({ type: "session.created", session: {} });
    }, 50);
  }

  #say(event: object): void {
    this.messages += 1;
    this.#events.message(JSON.stringify(event));
  }

  #hears(message: string): void {
    if (message.includes('"type":"session.update"')) {
      this.#clock.schedule(() => this.#say({ type: "session.updated", session: {} }), 30);
    } else if (message.includes('"type":"response.create"')) {
      this.#clock.schedule(() => this.#answer(JSON.parse(message)), 400);
    }
  }

  #answer(asked: { readonly response?: { readonly metadata?: object } }): void {
    this.#answers += 1;
    const id = `resp_${this.#answers}`;
    const item = { id: `item_${this.#answers}`, object: "realtime.item", type: "message", role: "assistant" };
    const place = { response_id: id, item_id: item.id, output_index: 0, content_index: 0 };
    const response = { id, object: "realtime.response", metadata: asked.response?.metadata ?? null };
    this.#say({ type: "response.created", response: { ...response, status: "in_progress", output: [] } });
    this.#say({ type: "response.output_item.added", ...place, item: { ...item, content: [] } });
    const audio = new Uint8Array(voice(DELTA_MS, RATE * 1000, 9).buffer).toBase64();
    const deltas = ANSWER_MS / DELTA_MS;
    for (let n = 0; n < deltas; n += 1) {
      const delta = (): void => {
        if (n % 4 === 0)
          this.#say({ type: "response.output_audio_transcript.delta", ...place, delta: "word " });
        this.#say({ type: "response.output_audio.delta", ...place, delta: audio });
      };
      this.#clock.schedule(delta, (n * DELTA_MS) / 3);
    }
    const end = (): void => {
      const content = [{ type: "output_audio", transcript: "word ".repeat(deltas / 4) }];
      const done = { ...item, status: "completed", content };
      this.#say({ type: "response.output_item.done", ...place, item: done });
      this.#say({ type: "response.done", response: { ...response, status: "completed", output: [done] } });
    };
    this.#clock.schedule(end, ANSWER_MS / 3);
  }
}

/** @returns what it took, and for how much of it the session had been acknowledged and answered. */
export async function hold(
  kind: CallKind,
): Promise<Omit<Counts, "logBytes"> & { readonly snapshots: number; readonly answers: number }> {
  const clock = new VirtualClock();
  const storage = new CountingStorage();
  const store = new CallStore(storage);
  const providers: Provider[] = [];
  let snapshots = 0;
  let answers = 0;
  let drawn = 0;
  const call = {
    id: "bench",
    model: "demo",
    intent: "conversation" as const,
    session: {},
    keyId: "k",
    secret: null,
  };
  const setup = { ...call, keyFingerprint: null, locked: [], toolTypes: null, leased: false, token: null };
  const plan = {
    name: "demo",
    upstreams: [{ name: "demo", options: { adapter: "openai-compatible", url: "http://provider.invalid/" } }],
    session: { audio: { input: { turn_detection: { type: "server_vad", silence_duration_ms: 500 } } } },
    detector: "energy" as const,
  };
  const drawId = (): string => `drawn${(drawn += 1)}`.padEnd(21, "0");
  const core = new Session({ ...call, plan }, { drawId, kernels: NO_KERNELS, createUpstream }, clock.now());
  store.begin(setup);
  const shell = new Shell(core, {
    clock,
    dial: (_, events) => {
      providers.push(new Provider(clock, events));
      return { hangUp: () => {} };
    },
    save: (peers, whole) => {
      snapshots += 1;
      return store.save({
        peers,
        session: kind.storage === "text" ? silenced(whole) : whole,
        at: clock.now(),
      });
    },
    ...(kind.storage === "none" && {
      mark: () => {
        snapshots += 1;
        return store.mark(setup, clock.now());
      },
    }),
    metric: () => {},
    consult: () => Promise.reject(new Error("there is no model")),
    moderate: () => Promise.reject(new Error("there is no moderator")),
    tool: () => Promise.reject(new Error("there is no tool")),
    sleep: () => {},
    rest: () => {},
    awake: () => {},
    ended: () => {},
    cut: () => {},
    failed: (error) => {
      throw error;
    },
  });
  let received = 0;
  const socket: ClientSocket = {
    bufferedAmount: 0,
    serializeAttachment: () => {},
    deserializeAttachment: () => null,
    close: () => {},
    send: (data) => {
      const sequence =
        typeof data === "string"
          ? Number(/"server_event_seq":(\d+)/.exec(data)?.[1] ?? 0)
          : (readFrameHeader(data)?.sequence ?? 0);
      received = Math.max(received, sequence);
      if (typeof data === "string" && data.includes('"type":"response.done"')) answers += 1;
    },
  };
  let clientMessages = 0;
  const say = (data: string | Uint8Array): void => {
    clientMessages += 1;
    shell.clientMessage(socket, data);
  };
  shell.clientOpened(socket, kind.dialect, { token: null, secret: false });
  const speech = voice(SPEECH_MS, RATE * 1000);
  const room = silence(TURN_MS - SPEECH_MS, RATE * 1000);
  const turn = new Int16Array([...speech, ...room]);
  let sequence = 0;
  for (let at = 0; at < SECONDS * 1000; at += kind.frameMs) {
    await clock.advance(kind.frameMs);
    const from = (at % TURN_MS) * RATE;
    const samples = turn.subarray(from, from + kind.frameMs * RATE);
    const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
    if (kind.dialect === "duplex.v1") {
      sequence += 1;
      say(writeFrame({ kind: FRAME_AUDIO, stream: 0, response: 0, sequence }, bytes));
      if (at % ACKNOWLEDGES_EVERY_MS < kind.frameMs && received > 0)
        say(JSON.stringify({ type: "session.ack", last_received: received }));
    } else say(JSON.stringify({ type: "input_audio_buffer.append", audio: bytes.toBase64() }));
  }
  await store.wipe(clock.now());
  const providerMessages = providers.reduce((sum, { messages }) => sum + messages, 0);
  return {
    clientMessages,
    providerMessages,
    objectRequests: OPENED,
    workerRequests: OPENED,
    rowsWritten: storage.rows,
    rowsEmptied: storage.emptied,
    seconds: SECONDS,
    snapshots,
    answers,
  };
}
