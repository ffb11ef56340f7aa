/** Official clients, unmodified, whose connection breaks: what a client that cannot resume still gets. */
import { setTimeout } from "node:timers/promises";
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import type { RealtimeServerEvent } from "openai/resources/realtime/realtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CutLine } from "../../bench/delivery/line.ts";
import { startRelay, type Relay } from "../support/relay.ts";
import { say } from "../support/say.ts";
import { agentHeard, dialAgent, historyWhere, itemText, plainAgent } from "../support/sdk-agents.ts";
import { base64, concat, pcmBytes, pieces, silence } from "../support/sdk-audio.ts";
import { EventLog } from "../support/sdk-events.ts";
import { openAIClient } from "../support/sdk-openai.ts";
import { startSdkTarget, type SdkTarget } from "../support/sdk-target.ts";

/** A member of the relay's own: `clientSecrets.create` sends what it is given. */
const RESUMABLE: object = { resumable: true };

const TYPED = { type: "message", role: "user" } as const;

interface Recovering {
  readonly rt: OpenAIRealtimeWS;
  readonly log: EventLog<RealtimeServerEvent>;
  readonly errors: string[];
}

describe("openai with `reconnect`", () => {
  let target: SdkTarget;
  beforeAll(async () => void (target = await startSdkTarget()));
  afterAll(() => target.close());

  /** @param urlOf the address of each connection; absent: the SDK's own. */
  async function dial(client: OpenAI, urlOf?: (sessionId: string | null) => string): Promise<Recovering> {
    let sessionId: string | null = null;
    const rt = new OpenAIRealtimeWS(
      {
        model: target.model,
        reconnect: true,
        reconnectInitialDelay: 100,
        options: { ca: target.caPem },
        ...(urlOf && { buildRealtimeURL: () => new URL(urlOf(sessionId)) }),
      },
      client,
    );
    const log = new EventLog<RealtimeServerEvent>();
    const errors: string[] = [];
    rt.on("event", (event) => {
      if (event.type === "session.created") sessionId = idOf(event);
      log.push(event);
    });
    rt.on("error", (error) => errors.push(error.message));
    await log.next("session.created");
    return { rt, log, errors };
  }

  const idOf = (event: RealtimeServerEvent | undefined): string | null =>
    event?.type === "session.created" ? ((event.session as { id?: string }).id ?? null) : null;

  function ask({ rt }: Recovering, text: string): void {
    rt.send({
      type: "conversation.item.create",
      item: { ...TYPED, content: [{ type: "input_text", text }] },
    });
    rt.send({ type: "response.create" });
  }

  /** The connection breaks without a word, and the SDK dials again by itself. */
  async function broken(call: Recovering): Promise<string | null> {
    call.rt.socket.terminate();
    const again = await call.log.next("session.created");
    return idOf(again);
  }

  async function withSecret(): Promise<Recovering> {
    const { value } = await openAIClient(target).realtime.clientSecrets.create(RESUMABLE);
    return dial(openAIClient(target, value));
  }

  test("[S50] and a client secret goes on with its session in mid-answer: the items come again, and the next turn works", async () => {
    const call = await withSecret();
    const id = idOf(call.log.events[0]);
    ask(call, "Tell me a story.");
    const { item_id } = await call.log.next("response.output_audio.delta");
    expect(await broken(call)).toBe(id);
    const asked = await call.log.next("conversation.item.done");
    expect(asked.item).toMatchObject({ ...TYPED, content: [{ text: "Tell me a story." }] });
    const cut = await call.log.next("conversation.item.done");
    expect(cut).toMatchObject({
      previous_item_id: asked.item.id,
      item: { id: item_id, status: "incomplete" },
    });
    ask(call, "Hello.");
    const { response } = await call.log.next("response.done");
    expect(response.status).toBe("completed");
    expect(call.errors).toEqual([]);
    call.rt.close();
  });

  test("[S50] and an API key goes on with the session that its URL names", async () => {
    const address = `${target.wssUrl}/v1/realtime?model=${target.model}`;
    const call = await dial(openAIClient(target), (id) =>
      id === null ? address : `${address}&session_id=${id}`,
    );
    const id = idOf(call.log.events[0]);
    ask(call, "Hello.");
    await call.log.next("response.done");
    expect(await broken(call)).toBe(id);
    for (const role of ["user", "assistant"]) {
      expect((await call.log.next("conversation.item.added")).item).toMatchObject({ role });
    }
    expect(call.errors).toEqual([]);
    call.rt.close();
  });

  test("[S51] in mid-sentence it goes on with the turn: one item with what was said before and after", async () => {
    const call = await withSecret();
    const speech = pcmBytes(await say("Good morning. I would like to know how you are.", { rateHz: 24_000 }));
    const half = Math.floor(speech.length / 4) * 2;
    const append = (bytes: Uint8Array): void => {
      for (const piece of pieces(bytes))
        call.rt.send({ type: "input_audio_buffer.append", audio: base64(piece) });
    };
    append(concat([silence(300), speech.subarray(0, half)]));
    const { item_id } = await call.log.next("input_audio_buffer.speech_started");
    await broken(call);
    expect((await call.log.next("input_audio_buffer.speech_started")).item_id).toBe(item_id);
    append(concat([speech.subarray(half), silence(2000)]));
    expect((await call.log.next("input_audio_buffer.committed")).item_id).toBe(item_id);
    const { response } = await call.log.next("response.done");
    expect(response.status).toBe("completed");
    const samples = Number(response.metadata?.["demo_input_samples"]);
    expect(samples).toBeGreaterThan(speech.length / 2 - 2400);
    expect(call.errors).toEqual([]);
    call.rt.close();
  });
});

describe("an agent of @openai/agents-realtime", () => {
  let relay: Relay;
  let line: CutLine;
  beforeAll(async () => {
    relay = await startRelay();
    line = await CutLine.open(relay.port);
  });
  afterAll(async () => {
    await line.close();
    await relay.close();
  });

  test("[S50] that lost its connection has its history again in a new one, and goes on", async () => {
    const client = new OpenAI({ apiKey: relay.apiKey, baseURL: `${relay.url}/v1` });
    const { value: apiKey } = await client.realtime.clientSecrets.create(RESUMABLE);
    const url = `ws://127.0.0.1:${line.port}/v1/realtime?model=demo`;
    const first = await dialAgent({ url, apiKey, agent: plainAgent() });
    first.session.sendMessage("Hello.");
    const said = await first.events.next("agent_end");
    const spokenMs = first.events.all("audio").reduce((sum, { bytes }) => sum + bytes, 0) / 48;
    // Heard to its end, so that its words stay.
    await setTimeout(spokenMs);
    first.session.sendMessage("Tell me a story.");
    await agentHeard(first, 400);
    line.down();
    await expect(first.wire.any("conversation.item.deleted")).rejects.toThrow("disconnected");
    line.up();
    const second = await dialAgent({ url, apiKey, agent: plainAgent() });
    const history = await historyWhere(second, (items) => items.length === 4);
    expect(history.map(itemText).slice(0, 3)).toEqual(["Hello.", said.output, "Tell me a story."]);
    second.session.sendMessage("Hello again.");
    expect((await second.events.next("agent_end")).output).not.toBe("");
    expect(second.session.history).toHaveLength(6);
    expect(second.events.all("error")).toEqual([]);
    second.hangUp();
  });
});
