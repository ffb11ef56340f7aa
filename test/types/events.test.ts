/** What the relay says is what the official types say: to its client, and to its provider. */
import { beforeAll, describe, expect, test } from "vitest";

import { faults } from "./compile.ts";
import { sessions, type Heard } from "./sessions.ts";
import { Shapes, without } from "./shapes.ts";

/** What the types do not allow and the provider sends: seen in recorded sockets of its own, or in its reference. */
const NULLS = [
  "*: response.status_details",
  "response.created: response.usage",
  // The reference: "if conversation is none, the value of conversation_id will be null".
  "*: response.conversation_id",
  "*: item.content[].transcript",
  "*: session.audio.input.transcription",
  "*: session.audio.input.noise_reduction",
  "*: session.include",
  // The reference's example of the event.
  "conversation.item.input_audio_transcription.failed: error.param",
];

/** What the provider sends and the types, which describe a request there, do not have. */
const EXTRAS = ["*: session.object", "*: session.id", "*: session.expires_at"];

/** `session.model` of a transcription session is the relay's own (S13). */
const OWN = ["*: session.model"];

/** What a client may set to null, in the reference's words ("can be set to null to turn off"). */
const TURNED_OFF = [
  "session.update: session.audio.input.transcription",
  "session.update: session.audio.input.noise_reduction",
];

/** Events of the types that no plain client of a WebSocket hears: WebRTC's, SIP's and the beta's. */
const ELSEWHERE = [
  "output_audio_buffer.started",
  "output_audio_buffer.stopped",
  "output_audio_buffer.cleared",
  "input_audio_buffer.dtmf_event_received",
  "conversation.item.created",
  "conversation.created",
];

const COMPILING_MS = 60_000;

let held: ReadonlyMap<string, Heard>;
beforeAll(() => {
  held = sessions();
});

function shapes(of: (heard: Heard) => Heard["told"]): Shapes {
  const found = new Shapes();
  for (const heard of held.values()) found.add(of(heard));
  return found;
}

describe("the official types", () => {
  test(
    "[Z41] [Z42] every event that a plain client is told satisfies RealtimeServerEvent, and every type of event is told",
    () => {
      const told = shapes((heard) => heard.told).examples.map((event) =>
        without(event, { nulls: NULLS, extras: [...EXTRAS, ...OWN] }),
      );
      const types = [...new Set(told.map(({ type }) => JSON.stringify(type).slice(1, -1)))];
      expect(ELSEWHERE.filter((type) => types.includes(type))).toEqual([]);
      const known = [...types, ...ELSEWHERE].map((type) => JSON.stringify(type)).join(" | ");
      // Names the events that no session of ours brings about.
      const unheard = `const none: Exclude<RealtimeServerEvent["type"], ${known}> extends infer T ? ([T] extends [never] ? null : T) : never = null;\nvoid none;`;
      expect(faults("RealtimeServerEvent", told, unheard)).toEqual([]);
    },
    COMPILING_MS,
  );

  test(
    "[Z43] every event that the adapter sends to its provider satisfies RealtimeClientEvent",
    () => {
      const sent = shapes((heard) => heard.sent).examples.map((event) =>
        without(event, { nulls: TURNED_OFF, extras: [] }),
      );
      expect(faults("RealtimeClientEvent", sent)).toEqual([]);
    },
    COMPILING_MS,
  );

  test(
    "[Z41] what is missing, unknown or null is found",
    () => {
      const wrong = [
        { type: "input_audio_buffer.cleared" },
        { type: "response.finished", event_id: "e" },
        { type: "response.done", event_id: "e", response: { usage: null } },
        { type: "input_audio_buffer.cleared", event_id: "e", more: 1 },
      ];
      expect(faults("RealtimeServerEvent", wrong)).toHaveLength(wrong.length);
    },
    COMPILING_MS,
  );
});
