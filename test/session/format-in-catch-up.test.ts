/** A stream that is begun in the very moment in which the client's format changes. */
import { expect, test } from "vitest";
import { createUpstream } from "../../src/upstreams/index.ts";
import type { PlannedUpstream } from "../../src/session/state/plan.ts";
import { Call } from "../support/call.ts";
import { voice } from "../support/signal.ts";

const planned = (name: string, turns: "server" | "client"): PlannedUpstream => ({
  name,
  options: {
    adapter: "openai-compatible",
    url: "https://provider.test/v1/realtime",
    settings: { profile: "speaches", turns },
  },
});

test("[M28] it goes on in another isolate: an upstream of another rate beside a change of format", () => {
  const call = new Call({
    upstreams: [planned("first", "server")],
    transcriber: planned("words", "client"),
    createUpstream,
    connect: false,
  });
  call.connect("realtime");
  const dialled = [...call.open].filter((peer) => peer !== "client");
  const session = {
    type: "realtime",
    input_audio_format: "g711_ulaw",
    audio: { input: { format: { type: "audio/pcm", rate: 8_000 } } },
  };
  for (const peer of dialled) {
    call.input({ type: "open", peer });
    for (const type of ["session.created", "session.updated"]) {
      call.input({
        type: "message",
        peer,
        data: JSON.stringify({ type, session: type === "session.updated" ? session : {} }),
      });
    }
  }
  call.client({
    type: "session.update",
    session: { type: "realtime", audio: { input: { format: { type: "audio/pcmu" } } } },
  });
  const { input } = call.session.snapshot();
  expect(input.streams.map(({ resampler }) => resampler.fromHz)).toEqual(input.streams.map(() => 8_000));
  expect(() => call.hibernate()).not.toThrow();
  call.append(voice(40));
});
