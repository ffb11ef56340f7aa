import { describe, expect, test } from "vitest";
import { post, problemOf } from "./doors.ts";
import { connect } from "./socket.ts";

const BETA = "openai-beta.realtime-v1";

interface Minted {
  readonly client_secret: { readonly value: string; readonly expires_at: number };
  readonly [field: string]: unknown;
}

async function mint(path: string, body: object): Promise<Minted> {
  const response = await post(path, body);
  expect(response.status).toBe(200);
  expect(response.headers.get("Cache-Control")).toBe("no-store");
  return response.json<Minted>();
}

describe("the beta's doors to a client secret", () => {
  test("[N26] a flat session is answered with what is in force, and its secret opens it in a page", async () => {
    const flat = {
      instructions: "Be brief.",
      voice: "alloy",
      input_audio_format: "g711_ulaw",
      temperature: 0.7,
    };
    const body = { model: "echo", ...flat, client_secret: { expires_at: { seconds: 30 } } };
    const { client_secret, ...session } = await mint("/v1/realtime/sessions", body);
    expect(session).toMatchObject({
      object: "realtime.session",
      model: "echo",
      ...flat,
      modalities: ["text", "audio"],
    });
    expect(session).not.toHaveProperty("audio");
    expect(client_secret.value).toMatch(/^ek_/);
    expect(client_secret.expires_at).toBeLessThanOrEqual(Date.now() / 1000 + 31);
    const offered = `realtime, openai-insecure-api-key.${client_secret.value}, ${BETA}`;
    const page = await connect("/v1/realtime?model=echo", { "Sec-WebSocket-Protocol": offered });
    expect(page.protocol).toBe("realtime");
    const created = (await page.event("session.created"))["session"];
    expect(created).toMatchObject({
      instructions: "Be brief.",
      voice: "alloy",
      input_audio_format: "g711_ulaw",
    });
    page.close(1000);
    await page.closed;
  });

  test("[N26] and one of transcription likewise", async () => {
    const body = { input_audio_transcription: { model: "gpt-4o-transcribe" }, turn_detection: null };
    const { client_secret, ...session } = await mint("/v1/realtime/transcription_sessions", body);
    expect(session).toMatchObject({ object: "realtime.transcription_session", ...body });
    const offered = `realtime, openai-insecure-api-key.${client_secret.value}, ${BETA}`;
    const page = await connect("/v1/realtime?intent=transcription", { "Sec-WebSocket-Protocol": offered });
    expect((await page.event("transcription_session.created"))["session"]).toMatchObject(body);
    page.close(1000);
    await page.closed;
  });

  test.each([
    [{ input_audio_format: "mp3" }, [400, "invalid_value", "input_audio_format"]],
    [{ temperature: 7 }, [400, "invalid_value", "temperature"]],
    [{ turn_detection: { threshold: 9 } }, [400, "invalid_value", "turn_detection.threshold"]],
    [{ max_response_output_tokens: -1 }, [400, "invalid_value", "max_response_output_tokens"]],
    [
      { client_secret: { expires_after: { seconds: 1 } } },
      [400, "invalid_value", "client_secret.expires_after.seconds"],
    ],
  ])("[N26] %j is refused by the field's name", async (body, problem) => {
    expect(await problemOf(await post("/v1/realtime/sessions", { model: "echo", ...body }))).toEqual(problem);
  });

  test("[N26] only an API key may ask", async () => {
    expect(await problemOf(await post("/v1/realtime/sessions", {}, {}))).toEqual([
      401,
      "invalid_credentials",
      null,
    ]);
  });
});
