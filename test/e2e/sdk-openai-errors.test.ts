/** What the official `openai` client sees when something is wrong, and how it gets in: keys and client secrets. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pcmMs } from "../support/sdk-audio.ts";
import { ask, heard, openAIClient, OPENAI_FORMS, responseAudio } from "../support/sdk-openai.ts";
import { SDK_TARGET, startSdkTarget, type SdkTarget } from "../support/sdk-target.ts";

let target: SdkTarget;
beforeAll(async () => {
  target = await startSdkTarget();
});
afterAll(() => target.close());

describe.each(OPENAI_FORMS)("$name", ({ dial }) => {
  test("[S12] a cancel with nothing to cancel is an error the SDKs know to ignore", async () => {
    const call = await dial(target);
    await call.log.next("session.created");
    call.send({ type: "response.cancel", event_id: "cancel_1" });
    const { error } = await call.log.next("error");
    expect(error).toMatchObject({
      type: "invalid_request_error",
      code: "response_cancel_not_active",
      event_id: "cancel_1",
    });
    expect(error.message).toMatch(/^Cancellation failed/);
    expect(call.errors[0]?.error).toMatchObject({ code: "response_cancel_not_active" });
    ask(call, "Hello.", { output_modalities: ["text"] });
    expect((await call.log.next("response.done")).response.status).toBe("completed");
    await call.hangUp();
  });

  test("[S12] a second response.create while one runs is refused and the first goes on", async () => {
    const call = await dial(target);
    await call.log.next("session.created");
    ask(call, "Tell me a story.");
    const { responseId } = await heard(call, 100);
    call.send({ type: "response.create", event_id: "second" });
    const { error } = await call.log.next("error");
    expect(error).toMatchObject({
      type: "invalid_request_error",
      code: "conversation_already_has_active_response",
      event_id: "second",
    });
    call.send({ type: "response.cancel", response_id: responseId });
    const { response } = await call.log.next("response.done");
    expect(response).toMatchObject({ id: responseId, status: "cancelled" });
    await call.hangUp();
  });

  test("[S12] truncating past the end is refused and changes nothing", async () => {
    const call = await dial(target);
    await call.log.next("session.created");
    ask(call, "Hello.");
    const { response } = await call.log.next("response.done");
    const itemId = response.output?.[0]?.id ?? "";
    const bytes = responseAudio(call, response.id ?? "").reduce((sum, part) => sum + part.byteLength, 0);
    const audioEndMs = Math.ceil(pcmMs(bytes)) + 5000;
    call.send({
      type: "conversation.item.truncate",
      event_id: "beyond",
      item_id: itemId,
      content_index: 0,
      audio_end_ms: audioEndMs,
    });
    const { error } = await call.log.next("error");
    expect(error).toMatchObject({ type: "invalid_request_error", param: "audio_end_ms", event_id: "beyond" });
    call.send({ type: "conversation.item.truncate", item_id: itemId, content_index: 0, audio_end_ms: 100 });
    expect((await call.log.next("conversation.item.truncated")).audio_end_ms).toBe(100);
    await call.hangUp();
  });

  test("[S13] any model string connects and is echoed", async () => {
    const call = await dial(target, { model: "gpt-realtime-2.1" });
    const { session } = await call.log.next("session.created");
    expect(session).toMatchObject({ type: "realtime", model: "gpt-realtime-2.1" });
    await call.hangUp();
  });

  // The demo voice dialled directly stands for a provider without doors: it takes any key and mints none.
  test.runIf(SDK_TARGET === "relay")("[S14] a wrong key is refused at the door", async () => {
    await expect(dial(target, { apiKey: "sk-wrong" })).rejects.toThrow();
  });

  test.runIf(SDK_TARGET === "relay")(
    "[S15] a client secret is minted with a session and opens it, twice",
    async () => {
      const secret = await openAIClient(target).realtime.clientSecrets.create({
        expires_after: { anchor: "created_at", seconds: 60 },
        session: {
          type: "realtime",
          model: "demo",
          instructions: "You are a lighthouse keeper.",
          output_modalities: ["text"],
        },
      });
      expect(secret.value).toMatch(/^ek_/);
      expect(secret.expires_at - Date.now() / 1000).toBeGreaterThan(40);
      expect(secret.expires_at - Date.now() / 1000).toBeLessThanOrEqual(61);
      expect(secret.session).toMatchObject({
        type: "realtime",
        instructions: "You are a lighthouse keeper.",
      });

      for (let connection = 0; connection < 2; connection++) {
        const call = await dial(target, { apiKey: secret.value });
        const { session } = await call.log.next("session.created");
        expect(session).toMatchObject({
          instructions: "You are a lighthouse keeper.",
          output_modalities: ["text"],
        });
        ask(call, "Hello.");
        expect((await call.log.next("response.output_text.done")).text.length).toBeGreaterThan(0);
        expect(call.errors).toEqual([]);
        await call.hangUp();
      }
    },
  );
});

test.runIf(SDK_TARGET === "relay")(
  "[S15] client_secrets refuses a wrong key and a wrong lifetime, naming the field",
  async () => {
    await expect(openAIClient(target, "sk-wrong").realtime.clientSecrets.create({})).rejects.toMatchObject({
      status: 401,
    });
    await expect(
      openAIClient(target).realtime.clientSecrets.create({
        expires_after: { anchor: "created_at", seconds: 5 },
      }),
    ).rejects.toMatchObject({ status: 400, param: "expires_after.seconds" });
  },
);
