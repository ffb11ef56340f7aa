/** The official `openai` package, unmodified, against the demo voice itself. It only dials `wss:`. */
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import type { RealtimeServerEvent } from "openai/resources/realtime/realtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startDemo, type Demo } from "../../demo/server.ts";
import { createCertificate, startTlsFront, type Certificate, type TlsFront } from "../../tools/relay/tls.ts";

let demo: Demo;
let certificate: Certificate;
let tls: TlsFront;
beforeAll(async () => {
  demo = await startDemo({ port: 0 });
  certificate = await createCertificate();
  tls = await startTlsFront(0, demo.port, certificate);
});
afterAll(async () => {
  await tls.close();
  await demo.close();
});

test("[D35] the official client holds a spoken conversation with a tool call", async () => {
  const openai = new OpenAI({ apiKey: "any", baseURL: `https://127.0.0.1:${tls.port}/v1`, maxRetries: 0 });
  const socket = new OpenAIRealtimeWS(
    { model: "gpt-realtime-2.1", options: { ca: certificate.certPem } },
    openai,
  );
  const errors: unknown[] = [];
  socket.on("error", (error) => errors.push(error));
  const until = <Type extends RealtimeServerEvent["type"]>(type: Type) =>
    new Promise<Extract<RealtimeServerEvent, { type: Type }>>((resolve) => {
      socket.on("event", (event) => {
        if (event.type === type) resolve(event as Extract<RealtimeServerEvent, { type: Type }>);
      });
    });

  await until("session.created");
  const tools = [{ type: "function" as const, name: "get_time", parameters: { type: "object" } }];
  socket.send({ type: "session.update", session: { type: "realtime", tools } });
  const content = [{ type: "input_text" as const, text: "What time is it?" }];
  socket.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  socket.send({ type: "response.create" });
  const [call] = (await until("response.done")).response.output ?? [];
  if (call?.type !== "function_call" || call.call_id === undefined)
    throw new Error("the tool was not called");
  expect(call).toMatchObject({ name: "get_time", arguments: "{}" });

  const item = { type: "function_call_output" as const, call_id: call.call_id, output: "five past two" };
  socket.send({ type: "conversation.item.create", item });
  socket.send({ type: "response.create" });
  const done = until("response.done");
  const spoken = await until("response.output_audio_transcript.done");
  expect(spoken.transcript).toBe("The answer of get time is: five past two.");
  expect((await done).response.usage?.output_token_details?.audio_tokens).toBeGreaterThan(20);
  expect(errors).toEqual([]);
  const closed = new Promise((resolve) => socket.socket.once("close", resolve));
  socket.close();
  await closed;
});
