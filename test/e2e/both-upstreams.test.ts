/** One session, two upstreams: every sample reaches both, and both answers reach the client with the right tags. */
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FRAME_AUDIO, writeFrame } from "../../src/protocol/frame.ts";
import { startRelay, type Relay } from "../support/relay.ts";
import { say } from "../support/say.ts";
import { base64, concat, pcmBytes, sha256Hex, silence } from "../support/sdk-audio.ts";
import { dialRaw, type AudioFrame, type RawCall } from "../support/sdk-raw.ts";

/** Indexes in the plan of the route `demo+echo`. */
const DEMO = 0;
const ECHO = 1;

let relay: Relay;
let speech: Uint8Array;
beforeAll(async () => {
  relay = await startRelay();
  const words = pcmBytes(await say("One two three. This is the voice of the caller.", { rateHz: 24_000 }));
  speech = concat([silence(350), words, silence(450)]);
});
afterAll(() => relay.close());

async function dialBoth(): Promise<RawCall> {
  const call = await dialRaw(`${relay.wsUrl}/v1/realtime?model=demo%2Becho`, {
    apiKey: relay.apiKey,
    protocols: ["realtime", "duplex.v1"],
  });
  expect(call.protocol).toBe("duplex.v1");
  const { session } = await call.log.next("session.created");
  expect(session).toMatchObject({ relay: { upstreams: ["demo", "echo"] } });
  return call;
}

async function configure(call: RawCall, turnDetection: object | null): Promise<void> {
  call.send({
    type: "session.update",
    session: { type: "realtime", audio: { input: { turn_detection: turnDetection } } },
  });
  await call.log.next("session.updated");
}

/** Lists of sizes whose pieces are no flood: of less than a millisecond 3,300 are taken at once (E31). */
function sizesUpTo(max: number): fc.Arbitrary<number[]> {
  const fewPieces = (sizes: readonly number[]): boolean =>
    sizes.reduce((sum, size) => sum + size, 0) / sizes.length >= 100;
  return fc.array(fc.integer({ min: 1, max }), { minLength: 1, maxLength: 40 }).filter(fewPieces);
}

/** Cuts at the given sizes, in turn, until nothing is left. */
function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < bytes.byteLength; turn++) {
    const size = sizes[turn % sizes.length] ?? bytes.byteLength;
    parts.push(bytes.subarray(at, at + size));
    at += size;
  }
  return parts;
}

/** Sends pieces of any length as JSON text or, when even, as binary frames. */
function sendPieces(
  call: RawCall,
  pieces: readonly { readonly bytes: Uint8Array; readonly binary: boolean }[],
): void {
  let sequence = 0;
  for (const { bytes, binary } of pieces) {
    if (binary) {
      sequence += 1;
      call.send(writeFrame({ kind: FRAME_AUDIO, stream: 0, response: 0, sequence }, bytes));
    } else call.send({ type: "input_audio_buffer.append", audio: base64(bytes) });
  }
}

const echoed = (frames: readonly AudioFrame[]): Uint8Array =>
  concat(frames.filter(({ stream }) => stream === ECHO).map(({ payload }) => payload));

/** The demo voice's report on the audio turn it heard. */
async function demoReport(call: RawCall): Promise<{ samples: number; sha256: string; ordinal: number }> {
  const { response } = await call.log.any(
    "response.done",
    ({ response }) => response.metadata?.["demo_input_sha256"] !== undefined,
  );
  expect(response.status).toBe("completed");
  const created = await call.log.any("response.created", (event) => event.response.id === response.id);
  const { relay: tag } = created.response as unknown as {
    relay: { ordinal: number; stream: number; upstream: string };
  };
  expect(tag).toMatchObject({ stream: DEMO, upstream: "demo" });
  return {
    samples: Number(response.metadata?.["demo_input_samples"]),
    sha256: response.metadata?.["demo_input_sha256"] ?? "",
    ordinal: tag.ordinal,
  };
}

async function manualTurn(pieces: readonly { bytes: Uint8Array; binary: boolean }[]): Promise<void> {
  const call = await dialBoth();
  await configure(call, null);
  sendPieces(call, pieces);
  call.send({ type: "input_audio_buffer.commit" });
  await call.log.any("input_audio_buffer.committed");
  call.send({ type: "response.create" });
  await call.framesUntil((frames) => echoed(frames).byteLength >= speech.byteLength);
  const demo = await demoReport(call);

  // Every sample to both, unchanged: the hashes at the far ends are the caller's own.
  expect(sha256Hex(echoed(call.frames))).toBe(sha256Hex(speech));
  expect(demo).toMatchObject({ samples: speech.byteLength / 2, sha256: sha256Hex(speech) });

  // Every binary frame belongs to a response that was announced for its stream.
  const announced = new Map(
    call.log.all("response.created").map(({ response }) => {
      const { relay: tag } = response as unknown as {
        relay: { ordinal: number; stream: number; upstream: string };
      };
      return [tag.ordinal, tag] as const;
    }),
  );
  for (const frame of call.frames) expect(announced.get(frame.response)?.stream).toBe(frame.stream);
  expect([...announced.values()].map(({ upstream }) => upstream).toSorted()).toEqual(
    expect.arrayContaining(["demo", "echo"]),
  );
  expect(call.frames.some(({ stream, response }) => stream === DEMO && response === demo.ordinal)).toBe(true);
  expect(call.frames.every(({ payload }) => payload.byteLength % 2 === 0)).toBe(true);

  // One numbering for text and binary together, without a gap.
  const numbers = [
    ...call.frames.map(({ sequence }) => sequence),
    ...call.log.events
      .map((event) => (event as unknown as { server_event_seq?: number }).server_event_seq)
      // Acknowledgements and heartbeats are about delivery and have no number themselves.
      .filter((sequence) => sequence !== undefined),
  ].toSorted((a, b) => a - b);
  expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, at) => at + 1));
  expect(call.log.all("error")).toEqual([]);
  await call.hangUp();
}

describe("demo+echo", () => {
  test("[S21] every sample reaches both upstreams and both answers come back tagged, however the audio is cut", async () => {
    await fc.assert(
      fc.asyncProperty(sizesUpTo(9601), async (cuts) => {
        await manualTurn(cut(speech, cuts).map((bytes) => ({ bytes, binary: false })));
      }),
      { numRuns: 4, examples: [[[1, 3, 4801]]], endOnFailure: true },
    );
  });

  test("[S21] the same in binary frames, and in both kinds mixed", async () => {
    await fc.assert(
      fc.asyncProperty(sizesUpTo(2400), fc.boolean(), async (cuts, mixed) => {
        const pieces = cut(
          speech,
          cuts.map((size) => size * 2),
        );
        await manualTurn(pieces.map((bytes, at) => ({ bytes, binary: !mixed || at % 2 === 0 })));
      }),
      { numRuns: 3, endOnFailure: true },
    );
  });

  test("[S22] with speech detection, echo hears everything and the demo exactly the turn that was announced", async () => {
    const call = await dialBoth();
    await configure(call, { type: "server_vad", silence_duration_ms: 400, prefix_padding_ms: 200 });
    const all = concat([speech, silence(1500)]);
    sendPieces(
      call,
      cut(all, [4801, 333, 9600]).map((bytes) => ({ bytes, binary: false })),
    );
    const started = await call.log.any("input_audio_buffer.speech_started");
    const stopped = await call.log.any("input_audio_buffer.speech_stopped");
    await call.framesUntil((frames) => echoed(frames).byteLength >= all.byteLength);
    const demo = await demoReport(call);
    expect(sha256Hex(echoed(call.frames))).toBe(sha256Hex(all));

    // The turn is one unbroken piece of what the caller sent, from the announced start on.
    const from = Math.round(started.audio_start_ms * 24);
    const starts = Array.from({ length: 49 }, (_, at) => from - 24 + at).filter((start) => start >= 0);
    const match = starts.find(
      (start) => sha256Hex(all.subarray(start * 2, (start + demo.samples) * 2)) === demo.sha256,
    );
    expect(match).toBeDefined();
    expect(Math.abs((match ?? 0) / 24 + demo.samples / 24 - stopped.audio_end_ms)).toBeLessThan(100);
    await call.hangUp();
  });
});
