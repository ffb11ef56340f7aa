/** Where a telephone's caller stopped hearing, over streams that break. */
import { expect, test } from "vitest";
import { CLIENT } from "../../src/session/io.ts";
import { Telephone } from "./telephone.ts";
import { CARRIERS } from "../../src/dialects/twilio/carriers.ts";
import { PhoneCodec } from "../../src/dialects/twilio/codec.ts";
import { Playback } from "../../src/dialects/twilio/playback.ts";
import { FRAME_AUDIO, writeFrame } from "../../src/protocol/frame.ts";
import { type Said, WIRES } from "./wire.ts";

test("[N61] a frame half of which was heard goes on at its second half, though the next stream broke at once", () => {
  const playback = new Playback();
  expect(playback.plays(5, 0, "i", 800)).toBe("1");
  expect(playback.plays(5, 800, "i", 800)).toBe("2");
  expect(playback.marked("1")).toEqual({ item: "i", heardMs: 100 });
  playback.reopen();
  playback.reopen();
  expect(playback.heard).toBe(4);
  expect(playback.heardOf(5)).toBe(800);
  expect(playback.plays(5, 800, "i", 800)).toBe("3");
  expect(playback.marked("3")).toEqual({ item: "i", heardMs: 200 });
  // All of it was heard: nothing is skipped of what comes on the next.
  playback.reopen();
  expect(playback.heardOf(6)).toBe(0);
});

/** Milliseconds of each message of audio. */
const lengths = (phone: Telephone): readonly number[] =>
  phone.call.events
    .flatMap((message) => phone.wire.audioOf(message as Said) ?? [])
    .map((payload) => Uint8Array.fromBase64(payload).byteLength / 8);

/** Says audio in parts of so many milliseconds, each of another byte. */
function says(phone: Telephone, parts: readonly number[]): Uint8Array {
  const audio = parts.map((ms, at) => new Uint8Array(ms * 8).fill(0x20 + at));
  for (const part of audio)
    phone.call.upstream({ type: "audio", response: "r", item: "i", audio: part.toBase64() });
  return Uint8Array.from(audio.flatMap((part) => [...part]));
}

test.each([
  [
    [10, 10, 10, 10, 10, 10, 10],
    [20, 20, 20, 20],
  ],
  [[103], [100, 20]],
  [[5], [20]],
  [
    [37, 37, 8],
    [37, 37, 20],
  ],
])(
  "[N74] Telnyx is sent an answer of %j ms in messages of at least 20 ms, filled with silence at its end",
  (parts, sent) => {
    const phone = new Telephone("telnyx", { call: "CA1", greeting: true }).start();
    phone.call.beginAnswer();
    const said = says(phone, parts);
    phone.call.finishAnswer();
    phone.call.advance(400);
    expect(lengths(phone)).toEqual(sent);
    expect(phone.audio.subarray(0, said.byteLength)).toEqual(said);
    expect(new Set(phone.audio.subarray(said.byteLength))).toEqual(
      new Set(phone.audio.byteLength > said.byteLength ? [0xff] : []),
    );
  },
);

test("[N74] what waits for more is said on the next stream where the first broke, and thrown away with what is cleared", () => {
  const phone = new Telephone("telnyx", { call: "CA1", greeting: true }).start();
  phone.call.beginAnswer();
  const said = says(phone, [30, 10]);
  expect(lengths(phone)).toEqual([30]);
  phone.call.open.delete(CLIENT);
  phone.call.input({ type: "close", peer: CLIENT, code: 1006, reason: "" });
  phone.call.connect("telnyx");
  phone.start();
  says(phone, [15]);
  expect(lengths(phone)).toEqual([30, 30, 25]);
  expect(phone.audio.subarray(30 * 8, 70 * 8)).toEqual(said);
  says(phone, [10]);
  phone.press("1");
  phone.call.advance(100);
  expect(lengths(phone)).toEqual([30, 30, 25]);
});

test("[N74] of a message that was filled up as much was heard as there was", () => {
  const codec = new PhoneCodec(CARRIERS.telnyx, { call: null, greeting: false, keys: true });
  codec.decode(JSON.stringify(WIRES.telnyx.start()), 0);
  const header = { kind: FRAME_AUDIO, stream: 0, response: 1, sequence: 1 };
  expect(codec.encode(writeFrame(header, new Uint8Array(5 * 8).fill(0x20)))).toEqual([]);
  const [media = "", mark = ""] = codec.encode('{"type":"response.output_audio.done","server_event_seq":2}');
  expect([media, mark].map((text) => JSON.parse(text).event)).toEqual(["media", "mark"]);
  const heard = JSON.stringify(codec.decode(mark, 1));
  expect(heard).toContain(String.raw`\"played_ms\":5}`);
});

test("[N74] what waits for more of its item is not filled up at the end of another answer", () => {
  const codec = new PhoneCodec(CARRIERS.telnyx, { call: null, greeting: false, keys: true });
  codec.decode(JSON.stringify(WIRES.telnyx.start()), 0);
  const begins = (id: string, ordinal: number): void => {
    const response = { id, relay: { stream: 0, ordinal } };
    codec.encode(JSON.stringify({ type: "response.created", response }));
    const item = { id: `item_${id}`, type: "message" };
    codec.encode(JSON.stringify({ type: "response.output_item.added", response_id: id, item }));
  };
  begins("one", 1);
  begins("two", 2);
  const frame = (sequence: number, ms: number): Uint8Array =>
    writeFrame({ kind: FRAME_AUDIO, stream: 0, response: 1, sequence }, new Uint8Array(ms * 8).fill(0x20));
  expect(codec.encode(frame(1, 10))).toEqual([]);
  expect(codec.encode(JSON.stringify({ type: "response.done", response: { id: "two" } }))).toEqual([]);
  const [media = ""] = codec.encode(frame(2, 15));
  expect(Uint8Array.fromBase64(JSON.parse(media).media.payload)).toHaveLength(25 * 8);
  expect(codec.encode(frame(3, 10))).toEqual([]);
  expect(codec.encode(JSON.stringify({ type: "response.done", response: { id: "one" } }))).toHaveLength(2);
});
