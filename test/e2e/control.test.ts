/** Observers over real sockets beside a real call: one that reads, one that does not, and one that answers for the client. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { startRelay, type Relay } from "../support/relay.ts";
import { base64, silence } from "../support/sdk-audio.ts";
import { dialRaw, type RawCall } from "../support/sdk-raw.ts";

let relay: Relay;
beforeAll(async () => void (relay = await startRelay()));
afterAll(() => relay.close());

async function begin(): Promise<{ readonly call: RawCall; readonly id: string }> {
  const call = await dialRaw(`${relay.wsUrl}/v1/realtime?model=demo`, { apiKey: relay.apiKey });
  const { session } = await call.log.next("session.created");
  return { call, id: (session as { readonly id?: string }).id ?? "" };
}

function observe(id: string, query = ""): Promise<RawCall> {
  return dialRaw(`${relay.wsUrl}/v1/sessions/${id}/control${query}`, { apiKey: relay.apiKey });
}

function ask(call: RawCall, text: string): void {
  const content = [{ type: "input_text", text }];
  call.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  call.send({ type: "response.create" });
}

describe("GET /v1/sessions/:id/control", () => {
  test("[N31] [N34] [N35] the backend answers the tool that its client's model calls, and ends the call", async () => {
    const { call, id } = await begin();
    const backend = await observe(id);
    await backend.log.next("session.created");
    const tool = { type: "function", name: "get_weather", description: "The weather.", parameters: {} };
    backend.send({ type: "session.update", session: { tools: [tool] } });
    await call.log.next("session.updated");
    ask(call, "How is the weather?");
    const { call_id } = await backend.log.next("response.function_call_arguments.done");
    await backend.log.next("response.done");
    const output = { type: "function_call_output", call_id, output: "sunny" };
    backend.send({ type: "conversation.item.create", item: output });
    backend.send({ type: "response.create" });
    await call.log.next("response.output_audio.delta");
    const { response } = await backend.log.next("response.done");
    expect(response.status).toBe("completed");
    expect(backend.log.events.map(({ type }) => type)).not.toContain("response.output_audio.delta");
    backend.send({ type: "relay.end" });
    expect((await call.closed).code).toBe(1000);
    expect((await backend.closed).code).toBe(1000);
  });

  test("[N36] neither the client nor an observer that reads misses anything beside one that does not, and that dies", async () => {
    const { call, id } = await begin();
    const reads = await observe(id, "?audio=true");
    const stuck = await observe(id, "?audio=true");
    await stuck.log.next("session.created");
    stuck.tcp.pause();
    call.send({ type: "session.update", session: { audio: { input: { turn_detection: null } } } });
    await call.log.next("session.updated");
    const seconds = 120;
    const sound = base64(silence(2000));
    for (let at = 0; at < seconds; at += 2) {
      call.send({ type: "input_audio_buffer.append", audio: sound });
      // As fast as the relay hears it: who reads must not seem not to.
      if (at % 10 === 0) {
        call.send({ type: "session.update", session: {} });
        await call.log.next("session.updated");
      }
    }
    ask(call, "Hello.");
    expect((await call.log.next("response.done")).response.status).toBe("completed");
    expect((await reads.log.next("response.done")).response.status).toBe("completed");
    const heard: readonly { readonly type: string; readonly delta?: unknown }[] = reads.log.events;
    const bytes = heard
      .filter(({ type }) => type === "relay.input_audio.delta")
      .reduce((sum, { delta }) => sum + Uint8Array.fromBase64(String(delta)).byteLength, 0);
    expect(bytes).toBe(seconds * 48_000);
    stuck.tcp.destroy();
    ask(call, "Hello again.");
    expect((await call.log.next("response.done")).response.status).toBe("completed");
    expect((await reads.log.next("response.done")).response.status).toBe("completed");
    await reads.hangUp();
    await call.hangUp();
  });
});
