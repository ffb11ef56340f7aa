/**
 * What OpenAI's Live API is sent satisfies the types of `openai`, so does what the scripted server of the tests says, and every
 * event that those types have is handled or named here as one that the relay has no part in.
 */
import { expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import { HEARD } from "../../src/upstreams/openai-live/events.ts";
import type { Item } from "../../src/upstreams/upstream.ts";
import { chunk, CONFIG, Connection } from "../upstreams/connection.ts";
import { ask, BEHIND, message, returned, sound, TOOL, write } from "../upstreams/live-connection.ts";
import { ScriptedLive } from "../upstreams/scripted-live.ts";
import { judged } from "./compile.ts";
import { listening, unheard } from "./listening.ts";

const COMPILING_MS = 60_000;
const IMPORTS = 'import type { ClientEvent, ServerEvent } from "openai/resources/live/live";';
/** They confirm what was done, decide what nobody asked, or are of a transport that the relay does not have. */
const LEFT = [
  "session.updated",
  "session.input_audio.append",
  "session.input_audio.muted",
  "session.input_audio.unmuted",
  "session.output_audio.fixture.playing",
  "session.output_audio.fixture.played",
  "session.instructions.appended",
  "session.thinking.appended",
  "session.commentary.appended",
  "decision.event",
  "decision.item.created",
  "decision.item.deleted",
  "info",
  "transport.dtmf.received",
  "transport.dtmf.send",
  "transport.dtmf.sent",
  "transport.ringing",
  "transport.answered",
  "transport.failed",
];

/** Everything that a session may tell and be told. */
function lead(settings: JsonObject, before: readonly Item[]) {
  const server = new ScriptedLive();
  const { wrapped, said, keep } = listening(server);
  const upstream = createUpstream({ adapter: "openai-live", settings });
  const config = { ...CONFIG, tools: [TOOL], voice: "cedar" };
  const greet = upstream.greet.bind(upstream);
  upstream.greet = (given) => greet(given, () => before);
  const connection = new Connection(upstream, wrapped, config);
  connection.send({ type: "audio", chunk: chunk(sound(20)) });
  connection.send({ type: "keepalive" });
  for (const role of ["user", "assistant", "system"]) write(connection, role, "Well.");
  ask(connection, "R1");
  connection.hear(keep([server.understood("Hello."), ...server.audio(sound(100)), server.said("Hi.")]));
  connection.send({ type: "cancel", responseId: "R1" });
  connection.hear(keep([server.delegates("item_1"), server.delegates("item_2", "responses")]));
  returned(connection, "item_1", "yes");
  if (settings === BEHIND) connection.hear(keep([server.calls("book", "call_1", "{}")]));
  returned(connection, "call_1", "no");
  ask(connection, "R2");
  const tools = [{ ...TOOL, name: "cancel" }];
  connection.send({ type: "configure", config: { ...config, tools, instructions: "Be kind." } });
  keep([server.used(7), server.error("rate_limit_exceeded")]);
  connection.write(upstream.farewell ?? []);
  expect(server.refused).toEqual([]);
  return { sent: server.received, said };
}

test(
  "[U194] what a Live session is sent and says satisfies OpenAI's types, and every event is handled or left on purpose",
  () => {
    const before = [
      message("user", "I am Ann."),
      message("assistant", "Hello."),
      message("system", "Be kind."),
    ];
    const led = [lead({ format: { type: "audio/pcmu" } }, before), lead(BEHIND, [])];
    const [sent, said] = [led.flatMap((one) => one.sent), led.flatMap((one) => one.said)];
    expect(new Set(sent.map(({ type }) => type)).size).toBe(9);
    const none = unheard('ServerEvent["type"]', [...HEARD, ...LEFT]);
    expect(judged(IMPORTS, "ClientEvent", sent, none)).toEqual([]);
    expect(new Set(said.map(({ type }) => type)).size).toBe(13);
    expect(judged(IMPORTS, "ServerEvent", said)).toEqual([]);
  },
  COMPILING_MS,
);
