/** Calls in several states whose snapshots are kept with each version, and how they are written down. */
import type { SessionSnapshot } from "../../src/session/session.ts";
import { Call, type CallOptions } from "./call.ts";
import { voice } from "./signal.ts";

export interface GoldenCall {
  readonly name: string;
  readonly options: CallOptions;
  readonly play: (call: Call) => void;
}

const MANUAL = { audio: { input: { turn_detection: null } } };

function ask(call: Call, text: string): void {
  const content = [{ type: "input_text", text }];
  call.client({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  call.client({ type: "response.create" });
}

export const GOLDEN_CALLS: readonly GoldenCall[] = [
  { name: "begun", options: {}, play: () => {} },
  {
    name: "speaking",
    options: { dialect: "duplex.v1" },
    play: (call) => {
      call.speak(voice(600));
    },
  },
  {
    name: "answering",
    options: { dialect: "duplex.v1", session: MANUAL },
    play: (call) => {
      call.speak(voice(200));
      call.client({ type: "input_audio_buffer.commit" });
      call.client({ type: "response.create" });
      call.beginAnswer();
      const audio = new Uint8Array(voice(400).buffer).toBase64();
      call.upstream({ type: "transcript", response: "r", item: "i", delta: "Hello." });
      call.upstream({ type: "audio", response: "r", item: "i", audio });
      call.advance(200);
    },
  },
  {
    name: "conversation",
    options: { dialect: "duplex.v1", session: { ...MANUAL, instructions: "Be brief." } },
    play: (call) => {
      for (const text of ["One?", "Two?"]) {
        ask(call, text);
        call.answer(voice(100));
        call.advance(1000);
      }
      ask(call, "Three?");
    },
  },
  {
    name: "dropped",
    options: { session: MANUAL },
    play: (call) => {
      ask(call, "Are you there?");
      call.answer(voice(100));
      call.input({ type: "close", peer: "client", code: 1006, reason: "" });
      call.advance(1000);
    },
  },
  {
    name: "transcription",
    options: { intent: "transcription" },
    play: (call) => {
      call.speak(voice(300));
    },
  },
];

export function play({ options, play: played }: GoldenCall): SessionSnapshot {
  const call = new Call(options);
  played(call);
  return call.session.snapshot();
}

const VIEWS = { Uint8Array, Int16Array, Uint16Array, Int32Array, Float32Array, Float64Array } as const;

/** JSON in which views and what JSON has no word for are objects with one member that begins with `$`. */
export function writeSnapshot(snapshot: SessionSnapshot): string {
  return JSON.stringify(snapshot, (_, value: unknown) => {
    if (ArrayBuffer.isView(value)) {
      const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
      return { [`$${value.constructor.name}`]: bytes.toBase64() };
    }
    return typeof value === "number" && !Number.isFinite(value) ? { $number: String(value) } : value;
  });
}

export function readGolden(text: string): Record<string, unknown> {
  return JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== "object" || value === null) return value;
    const [key = ""] = Object.keys(value);
    const said: unknown = Reflect.get(value, key);
    if (key === "$number") return Number(said);
    const View = Object.entries(VIEWS).find(([name]) => key === `$${name}`)?.[1];
    return View === undefined ? value : new View(Uint8Array.fromBase64(String(said)).buffer);
  });
}
