/** A carrier's wire as its documentation has it: what the codec is played with. */
import type { CarrierName } from "../../src/dialects/twilio/carriers.ts";

/** A message to a carrier, of any of them. */
export interface Said {
  readonly event?: unknown;
  readonly media?: { readonly payload?: string };
  readonly mark?: { readonly name?: string };
  readonly name?: string;
}

export interface Wire {
  start(call?: string): object;
  media(sequence: number, payload: string): object;
  mark(sequence: number, name: string): object;
  key(sequence: number, digit: string): object;
  /** What of a message to the carrier is its audio, or its mark's name. */
  readonly audioOf: (message: Said) => string | undefined;
  readonly markOf: (message: Said) => string | undefined;
  readonly clear: object;
}

const TWILIO: Wire = {
  start: (call = "CA1") => ({
    event: "start",
    sequenceNumber: "1",
    start: {
      accountSid: "AC1",
      streamSid: "MZ1",
      callSid: call,
      tracks: ["inbound"],
      mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
      customParameters: {},
    },
    streamSid: "MZ1",
  }),
  media: (sequence, payload) => ({
    event: "media",
    sequenceNumber: String(sequence),
    media: { track: "inbound", chunk: "1", timestamp: "20", payload },
    streamSid: "MZ1",
  }),
  mark: (sequence, name) => ({
    event: "mark",
    sequenceNumber: String(sequence),
    streamSid: "MZ1",
    mark: { name },
  }),
  key: (sequence, digit) => ({
    event: "dtmf",
    streamSid: "MZ1",
    sequenceNumber: String(sequence),
    dtmf: { track: "inbound_track", digit },
  }),
  audioOf: (message) => (message.event === "media" ? message.media?.payload : undefined),
  markOf: (message) => (message.event === "mark" ? message.mark?.name : undefined),
  clear: { event: "clear", streamSid: "MZ1" },
};

const TELNYX: Wire = {
  start: (call = "CA1") => ({
    event: "start",
    sequence_number: "1",
    stream_id: "S1",
    start: {
      user_id: "U1",
      call_control_id: call,
      media_format: { encoding: "PCMU", sample_rate: 8000, channels: 1 },
    },
  }),
  media: (sequence, payload) => ({
    event: "media",
    sequence_number: String(sequence),
    media: { track: "inbound", chunk: "1", timestamp: "20", payload },
    stream_id: "S1",
  }),
  mark: (sequence, name) => ({
    event: "mark",
    sequence_number: String(sequence),
    mark: { name },
    stream_id: "S1",
  }),
  key: (sequence, digit) => ({
    event: "dtmf",
    stream_id: "S1",
    sequence_number: String(sequence),
    dtmf: { digit },
  }),
  audioOf: TWILIO.audioOf,
  markOf: TWILIO.markOf,
  clear: { event: "clear", stream_id: "S1" },
};

const PLIVO: Wire = {
  start: (call = "CA1") => ({
    event: "start",
    sequenceNumber: 1,
    start: {
      callId: call,
      streamId: "P1",
      accountId: "MA1",
      tracks: ["inbound"],
      mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000 },
    },
    extra_headers: "",
  }),
  media: (sequence, payload) => ({
    event: "media",
    sequenceNumber: sequence,
    streamId: "P1",
    media: { track: "inbound", timestamp: "1705312200000", chunk: 41, payload },
    extra_headers: "",
  }),
  mark: (sequence, name) => ({ event: "playedStream", sequenceNumber: sequence, streamId: "P1", name }),
  key: (sequence, digit) => ({
    event: "dtmf",
    sequenceNumber: sequence,
    streamId: "P1",
    dtmf: { track: "inbound", digit, timestamp: "1705312200000" },
  }),
  audioOf: (message) => (message.event === "playAudio" ? message.media?.payload : undefined),
  markOf: (message) => (message.event === "checkpoint" ? message.name : undefined),
  clear: { event: "clearAudio", streamId: "P1" },
};

export const WIRES: Readonly<Record<CarrierName, Wire>> = { twilio: TWILIO, telnyx: TELNYX, plivo: PLIVO };
