/** Audio formats as a provider states them. */
import { describe, expect, it } from "vitest";

import type { Json, JsonObject } from "../../src/upstreams/upstream.ts";
import { answeringOpenAi, connectOpenAi, hear, restarted } from "./openai-connection.ts";

const updated = (session: JsonObject): JsonObject => ({ type: "session.updated", session });
const nested = (output: Json, input: Json = null): JsonObject => ({
  audio: { output: { format: output }, input: { format: input } },
});

function stated(session: JsonObject): ReturnType<typeof connectOpenAi>["connection"] {
  const { connection } = connectOpenAi({ answersUpdates: false });
  hear(connection, updated(session));
  return connection;
}

describe("the format that a provider states", () => {
  it("[U47] is followed in GA's words, the beta's and those of Azure Voice Live", () => {
    const pcm = (rate: number) => ({ type: "audio/pcm", rate });
    for (const [session, output] of [
      [nested({ type: "audio/pcm", rate: 16000 }), pcm(16000)],
      [nested({ type: "audio/pcm", rate: "48000" }), pcm(48000)],
      [nested({ type: "audio/pcm" }), pcm(24000)],
      [nested({ type: "audio/pcm", rate: 22050 }), pcm(22050)],
      [nested({ type: "audio/pcm", rate: 44100 }), pcm(44100)],
      [nested({ type: "audio/pcm", rate: 96000 }), pcm(96000)],
      [nested({ type: "audio/pcmu", rate: 8000 }), { type: "audio/pcmu" }],
      [nested("audio/pcm;rate=16000"), pcm(16000)],
      [{ output_audio_format: "pcm16" }, pcm(24000)],
      [{ output_audio_format: "pcm16_16000hz" }, pcm(16000)],
      [{ output_audio_format: "g711_alaw" }, { type: "audio/pcma" }],
      [{ output_audio_format: null }, pcm(24000)],
      [{ output_audio_format: "not specified", ...nested({ type: "audio/pcm", rate: 8000 }) }, pcm(8000)],
      [{ output_audio_format: "not specified" }, pcm(24000)],
      [{}, pcm(24000)],
    ] as const) {
      const connection = stated(session);
      expect(connection.of("error"), JSON.stringify(session)).toEqual([]);
      expect(connection.of("ready")).toHaveLength(1);
      expect(connection.upstream.capabilities.output, JSON.stringify(session)).toEqual(output);
    }
  });

  it("[U47] is said aloud where the relay cannot speak it, and the connection is given up", () => {
    for (const [format, word] of [
      [{ type: "audio/opus" }, "audio/opus"],
      [{ type: "audio/L16", rate: 16000 }, "audio/L16"],
      [{ type: "audio/pcm", rate: 7000 }, "7000"],
      [{ type: "audio/pcm", rate: 24000.5 }, "24000.5"],
      [{ type: "audio/pcm", rate: "fast" }, "fast"],
      [{ type: "audio/pcm", rate: 192_000 }, "192000"],
      [{ type: "audio/pcm", rate: 24000, channels: 2 }, "2 channels"],
      ["mp3", "mp3"],
    ] as const) {
      for (const session of [nested(format), nested(null, format)]) {
        const connection = stated(session);
        expect(connection.of("ready"), word).toEqual([]);
        const [event] = connection.of("error");
        expect(event).toMatchObject({ fatal: true, error: { code: "upstream_format_unsupported" } });
        expect(event?.error.message).toContain(word);
      }
    }
  });

  it("[U47] may be any rate of what is heard, but of what is sent only one that is made here", () => {
    const connection = stated(nested(null, { type: "audio/pcm", rate: 44100 }));
    expect(connection.of("error")).toMatchObject([
      { error: { code: "upstream_format_unsupported" }, fatal: true },
    ]);
    expect(connection.of("error")[0]?.error.message).toContain("44100");
    const settings = { output: { type: "audio/pcm", rate: 22050 } };
    const { connection: told, server } = connectOpenAi({ settings, answersUpdates: false });
    expect(server.last("session.update").session).toMatchObject({
      audio: { output: { format: settings.output } },
    });
    expect(told.upstream.capabilities.output).toEqual(settings.output);
  });

  it("[U47] for the caller's audio is what the provider is sent", () => {
    const connection = stated(nested(null, { type: "audio/pcmu" }));
    expect(connection.of("ready")).toHaveLength(1);
    expect(connection.upstream.capabilities.input).toEqual({ type: "audio/pcmu" });
    restarted(connection);
    expect(connection.upstream.capabilities.input).toEqual({ type: "audio/pcmu" });
    expect(
      stated({ input_audio_format: "pcm16", input_audio_sampling_rate: 16000 }).upstream.capabilities,
    ).toMatchObject({
      input: { type: "audio/pcm", rate: 16000 },
    });
  });

  it("[U47] is at the rate that was asked for where it says PCM and no rate", () => {
    const pcm = (rate: number) => ({ type: "audio/pcm", rate });
    const settings = { beta: true, input: pcm(16_000), output: pcm(24_000) };
    for (const [session, input, output] of [
      [{ input_audio_format: "pcm16", output_audio_format: "pcm24" }, 16_000, 24_000],
      [{ input_audio_format: "pcm", output_audio_format: "pcm" }, 16_000, 24_000],
      [nested({ type: "pcm", sample_rate: 48_000 }, { type: "pcm", sample_rate: 8000 }), 8000, 48_000],
    ] as const) {
      const { connection } = connectOpenAi({ settings, answersUpdates: false });
      hear(connection, updated(session));
      expect(connection.of("error"), JSON.stringify(session)).toEqual([]);
      expect(connection.upstream.capabilities).toMatchObject({ input: pcm(input), output: pcm(output) });
      restarted(connection);
      // What was stated once holds until another rate is.
      hear(connection, updated({ input_audio_format: "pcm16" }));
      expect(connection.upstream.capabilities.input).toEqual(pcm(input));
    }
  });

  it("[U47] is followed when it changes later, and what was received lasts as long as before", () => {
    const { connection, server } = answeringOpenAi();
    connection.hear([server.messageItem("resp_1", "item_m")]);
    connection.hear([server.audioDelta("resp_1", "item_m", new Uint8Array(4801).toBase64())]);
    hear(connection, updated(nested({ type: "audio/pcm", rate: 16000 })));
    expect(connection.upstream.capabilities.output).toEqual({ type: "audio/pcm", rate: 16000 });
    // Half a sample of the former rate is not joined to one of the new.
    connection.hear([server.audioDelta("resp_1", "item_m", "AQIDBA==")]);
    expect(connection.of("audio").at(-1)?.bytes).toEqual(Uint8Array.of(1, 2, 3, 4));
    connection.send({ type: "truncate", itemId: "item_m", contentIndex: 0, audioEndMs: 5000 });
    expect(server.last("conversation.item.truncate").audio_end_ms).toBe(100);
  });
});
