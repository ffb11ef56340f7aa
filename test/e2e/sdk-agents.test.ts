/** Voice agents of `@openai/agents-realtime` in Node, unmodified but for the URL. */
import type { RealtimeAgent } from "@openai/agents-realtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { say } from "../support/say.ts";
import {
  agentHeard,
  clockAgent,
  dialAgent,
  historyWhere,
  itemText,
  plainAgent,
  type AgentCall,
} from "../support/sdk-agents.ts";
import { concat, pcmBytes, silence } from "../support/sdk-audio.ts";
import { startSdkTarget, type SdkTarget } from "../support/sdk-target.ts";

let target: SdkTarget;
let greeting: Uint8Array;
let interruption: Uint8Array;
beforeAll(async () => {
  target = await startSdkTarget();
  greeting = pcmBytes(await say("Hello. Can you hear me?", { rateHz: 24_000 }));
  interruption = pcmBytes(await say("Stop please, I have another question for you.", { rateHz: 24_000 }));
});
afterAll(() => target.close());

const dial = (
  agent: RealtimeAgent,
  extra: Partial<Parameters<typeof dialAgent>[0]> = {},
): Promise<AgentCall> =>
  dialAgent({
    url: `${target.wssUrl}/v1/realtime?model=${target.model}`,
    apiKey: target.apiKey,
    agent,
    ...extra,
  });

const sentTypes = (call: AgentCall): string[] =>
  call.sent.map((text) => (JSON.parse(text) as { type: string }).type);

const errors = (call: AgentCall): readonly unknown[] => call.events.all("error");

test("[S16] a typed message is answered with sound, and both stand in the history", async () => {
  const call = await dial(plainAgent());
  call.session.sendMessage("Hello.");
  await call.events.next("audio_start");
  const end = await call.events.next("agent_end");
  expect(end.output.length).toBeGreaterThan(0);
  const history = await historyWhere(call, (items) => items.some((item) => itemText(item) === end.output));
  expect(history.map((item) => (item.type === "message" ? item.role : item.type))).toEqual([
    "user",
    "assistant",
  ]);
  expect(itemText(history[0])).toBe("Hello.");
  await call.events.any("audio_stopped");
  expect(call.events.all("audio").some(({ odd }) => odd)).toBe(false);
  expect(call.session.usage.totalTokens).toBeGreaterThan(0);
  expect(errors(call)).toEqual([]);
  call.hangUp();
});

test("[S16] a spoken turn is transcribed into the history and answered; the next turn works too", async () => {
  const call = await dial(plainAgent());
  for (const turn of [1, 2]) {
    call.speak(concat([silence(400), greeting, silence(2500)]));
    await call.events.next("agent_end");
    const history = await historyWhere(
      call,
      (items) =>
        items.filter((item) => item.type === "message" && item.role === "user" && itemText(item) !== "")
          .length === turn,
    );
    expect(history.filter((item) => item.type === "message" && item.role === "user").length).toBe(turn);
  }
  expect(errors(call)).toEqual([]);
  call.hangUp();
});

test("[S17] a tool of the application runs and its result is spoken", async () => {
  const told: unknown[] = [];
  const call = await dial(clockAgent(told));
  call.session.sendMessage("What time is it?");
  expect(await call.events.next("agent_tool_start")).toMatchObject({ tool: "get_time" });
  expect(await call.events.next("agent_tool_end")).toMatchObject({ result: "a quarter to nine" });
  const end = await call.events.next("agent_end", ({ output }) => output.includes("a quarter to nine"));
  expect(told.length).toBe(1);
  const history = await historyWhere(call, (items) => items.some((item) => itemText(item) === end.output));
  const toolItem = history.find((item) => item.type === "function_call");
  expect(toolItem).toMatchObject({ name: "get_time", status: "completed", output: "a quarter to nine" });
  expect(call.events.all("audio").length).toBeGreaterThan(0);
  expect(errors(call)).toEqual([]);
  call.hangUp();
});

test("[S18] speech over an answer interrupts it through the SDK's own path, without an error", async () => {
  const call = await dial(plainAgent());
  call.session.sendMessage("Tell me a story.");
  await agentHeard(call, 600);
  const spoken = call.wire.all("response.output_audio.delta").at(-1);
  call.speak(interruption);
  await call.events.next("audio_interrupted");
  const truncated = await call.wire.next("conversation.item.truncated");
  expect(truncated.item_id).toBe(spoken?.item_id);
  await call.wire.any("conversation.item.retrieved", ({ item }) => item.id === truncated.item_id);
  const done = await call.wire.any("response.done");
  expect(done.response).toMatchObject({ status: "cancelled", status_details: { reason: "turn_detected" } });
  // The server interrupts by itself (session.updated says so), so the SDK sends no cancel of its own.
  expect(sentTypes(call)).toContain("conversation.item.truncate");
  expect(sentTypes(call)).not.toContain("response.cancel");

  call.speak(silence(3000));
  await call.wire.any("response.done", ({ response }) => response.status === "completed");
  const from = call.wire.events.length;
  call.session.sendMessage("Hello.");
  await call.wire.any("response.done", ({ response }) => response.status === "completed", from);
  expect(errors(call)).toEqual([]);
  call.hangUp();
});

test("[S18] session.interrupt() stops the answer and truncates it to what was heard", async () => {
  const call = await dial(plainAgent());
  call.session.sendMessage("Tell me a story.");
  await agentHeard(call, 600);
  call.session.interrupt();
  const done = await call.wire.any("response.done");
  expect(done.response).toMatchObject({
    status: "cancelled",
    status_details: { reason: "client_cancelled" },
  });
  const truncated = await call.wire.any("conversation.item.truncated");
  expect(truncated.audio_end_ms).toBeGreaterThanOrEqual(0);
  await call.wire.any("conversation.item.retrieved");
  expect(sentTypes(call)).toEqual(
    expect.arrayContaining(["response.cancel", "conversation.item.truncate", "conversation.item.retrieve"]),
  );
  const from = call.wire.events.length;
  call.session.sendMessage("Hello.");
  await call.wire.any("response.done", ({ response }) => response.status === "completed", from);
  expect(errors(call)).toEqual([]);
  call.hangUp();
});

test("[S19] manual turns, updateHistory and a change of agent work", async () => {
  const call = await dial(plainAgent(), { config: { audio: { input: { turnDetection: null } } } });
  call.session.sendAudio(greeting.slice().buffer, { commit: true });
  await call.wire.next("input_audio_buffer.committed");
  call.session.transport.requestResponse?.();
  await call.events.next("agent_end");

  const history = await historyWhere(call, (items) => items.length === 2);
  const first = history[0]?.itemId;
  call.session.updateHistory((items) => items.filter(({ itemId }) => itemId !== first));
  expect((await call.wire.any("conversation.item.deleted")).item_id).toBe(first);
  await call.events.any("history", ({ history: items }) => items.length === 1);

  const told: unknown[] = [];
  const from = call.wire.events.length;
  await call.session.updateAgent(clockAgent(told));
  const updated = await call.wire.any("session.updated", () => true, from);
  expect(updated.session).toMatchObject({
    instructions: "You tell the time.",
    tools: [{ name: "get_time" }],
  });
  call.session.sendMessage("What time is it?");
  await call.events.any("agent_end", ({ output }) => output.includes("a quarter to nine"));
  expect(told.length).toBe(1);
  expect(errors(call)).toEqual([]);
  call.hangUp();
});

test("[S19] an output guardrail that trips cuts the answer and asks for another", async () => {
  const call = await dial(plainAgent(), { guardrail: (output) => /story|once|upon/i.test(output) });
  call.session.sendMessage("Tell me a story.");
  await call.events.next("guardrail_tripped");
  await call.wire.any("response.done", ({ response }) => response.status === "cancelled");
  await call.wire.any("response.created", (event) => event !== call.wire.all("response.created")[0]);
  call.hangUp();
});
