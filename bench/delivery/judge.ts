/** Compares both ends of a call: what was said with what was heard, sample by sample, both ways. */
import { createHash } from "node:crypto";
import { objectAt, textAt } from "../../src/upstreams/json.ts";
import { eventsOf, type PlayedCall } from "./call.ts";
import type { MarkedVoice } from "./voice.ts";
import { bytesOf, compare, samplesOf, sha256, watermark, type Difference } from "./watermark.ts";

export interface Stream extends Difference {
  readonly samples: number;
  readonly equal: boolean;
  readonly parts: number;
  readonly partsWrong: number;
}

export interface Judgement {
  readonly up: Stream;
  readonly down: Stream;
  readonly messages: {
    readonly received: number;
    readonly lost: number;
    readonly twice: number;
    readonly disordered: number;
  };
  readonly faults: readonly string[];
}

export function judge(played: PlayedCall, voice: MarkedVoice): Judgement {
  const { client } = played;
  const errors = eventsOf(client, "error").map((event) => textAt(objectAt(event, "error"), "message") ?? "");
  return {
    up: upwards(played, voice),
    down: downwards(played, voice),
    messages: messagesOf(client.numbers),
    faults: [...voice.faults, ...errors],
  };
}

function upwards({ call, turns }: PlayedCall, voice: MarkedVoice): Stream {
  const said = watermark(call.seed, 0, turns.at(-1) ?? 0);
  const parts = turns.map((to, n) => said.subarray(turns[n - 1] ?? 0, to));
  return streamOf(parts, voice.turns);
}

function downwards({ client }: PlayedCall, voice: MarkedVoice): Stream {
  const said = voice.answers.map((answer) => voice.audioOf(answer));
  const ordinals = eventsOf(client, "response.created").map((event) =>
    Number(objectAt(objectAt(event, "response"), "relay")?.["ordinal"]),
  );
  const heard = ordinals.map((ordinal) =>
    Buffer.concat(client.frames.filter((frame) => frame.ordinal === ordinal).map(({ payload }) => payload)),
  );
  return streamOf(said, heard);
}

/** @param said parts, turns or answers. @param heard the same, at the other end. */
function streamOf(said: readonly Int16Array[], heard: readonly Uint8Array[]): Stream {
  const all = samplesOf(said.map(bytesOf));
  const got = samplesOf(heard);
  const partsWrong = Array.from({ length: Math.max(said.length, heard.length) }, (_, n) => {
    const [one, other] = [said[n], heard[n]];
    return one === undefined || other === undefined || sha256(bytesOf(one)) !== sha256(other);
  }).filter(Boolean).length;
  return {
    ...compare(all, got),
    samples: all.length,
    equal: hashOf(said.map(bytesOf)) === hashOf(heard),
    parts: said.length,
    partsWrong,
  };
}

function hashOf(parts: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** The relay numbers from 1; every number must be there once, in order. */
function messagesOf(numbers: readonly number[]): Judgement["messages"] {
  const distinct = new Set(numbers);
  return {
    received: numbers.length,
    lost: Math.max(0, ...numbers) - distinct.size,
    twice: numbers.length - distinct.size,
    disordered: numbers.filter((number, at) => at > 0 && number <= (numbers[at - 1] ?? 0)).length,
  };
}
