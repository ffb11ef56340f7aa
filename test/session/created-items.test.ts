/** Items that the client makes: audio in them, tool results, names. */
import { describe, expect, test } from "vitest";

import { createDecoder, encode } from "../../src/audio/codec.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import type { Json, JsonObject } from "../../src/upstreams/upstream.ts";
import { Call, WIRE, type CallOptions } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const PCMU = { type: "audio/pcmu" } as const;
const ULAW: CallOptions = { session: { audio: { input: { format: PCMU } } } };
const FORMATS = [
  ["audio/pcmu", PCMU, 8],
  ["audio/pcma", { type: "audio/pcma" }, 8],
  ["16 kHz PCM", { type: "audio/pcm", rate: 16000 }, 32],
  ["24 kHz PCM", { type: "audio/pcm", rate: 24000 }, 48],
] as const;

const base64 = (length: number) => Uint8Array.from({ length }, (_, at) => 128 + (at % 90)).toBase64();
const spoken = (audio: string, ...others: JsonObject[]) => ({
  id: "spoken",
  type: "message",
  role: "user",
  content: [{ type: "input_audio", audio }, ...others],
});
const create = (call: Call, item: JsonObject, event_id = "e") =>
  call.client({ type: "conversation.item.create", item, event_id });

test("[I16] a message of the caller's without a part is an error that names its content", () => {
  const call = new Call();
  create(call, { type: "message", role: "user", content: [] });
  expect(call.last("error")["error"]).toMatchObject({ code: "invalid_value", param: "item.content" });
  expect(call.types()).not.toContain("conversation.item.added");
});

test("[D21] a reference to an item whose id is no text is refused by its name, and nothing throws", () => {
  const call = new Call({ faulty: true });
  for (const [named, code] of [
    [{ id: { toString: "x" } }, "invalid_type"],
    [{ id: { toString: 7, valueOf: null } }, "invalid_type"],
    [{ id: 7 }, "invalid_type"],
    [{ id: null }, "missing_required_parameter"],
    [{}, "missing_required_parameter"],
    [{ id: "nobody" }, "item_reference_invalid_item_id"],
  ] as const) {
    const input = [{ type: "item_reference", ...named }];
    call.client({ type: "response.create", event_id: "e", response: { input } });
    expect(call.last("error")["error"]).toMatchObject({ code, param: "response.input[0].id", event_id: "e" });
  }
});

interface Part {
  readonly type: string;
  readonly audio?: string;
  readonly transcript?: string;
}

function partsOf(item: Json | undefined): readonly Part[] {
  return ((item as JsonObject | undefined)?.["content"] ?? []) as unknown as readonly Part[];
}

function retrieved(call: Call, id = "spoken"): readonly Part[] {
  call.client({ type: "conversation.item.retrieve", item_id: id });
  return partsOf(call.last("conversation.item.retrieved")["item"] as Json);
}

/** What the upstream was last told as an item, or as input of a response. */
function told(call: Call, peer = "up0.1"): readonly Part[] {
  const command = call.commands(peer).at(-1);
  if (command?.type === "item") return partsOf(command.item);
  if (command?.type !== "respond") throw new Error(`the upstream was told ${command?.type}`);
  return partsOf((command.options.params["input"] as readonly Json[])[0]);
}

const bytes = (part: Part | undefined) => Uint8Array.fromBase64(part?.audio ?? "");

describe("audio in an item", () => {
  test.each(FORMATS)(
    "[I9] of %s reaches the upstream in its own format, as long as it is",
    (_, format, perMs) => {
      const call = new Call({ session: { audio: { input: { format: { ...format } } } } });
      create(call, spoken(base64(500 * perMs)));
      expect(bytes(told(call)[0]).byteLength).toBe(500 * 48);
      expect(bytes(retrieved(call)[0])).toEqual(Uint8Array.fromBase64(base64(500 * perMs)));
      expect(JSON.stringify(call.last("conversation.item.done"))).not.toContain('"audio":');
    },
  );

  test("[I9] each of two upstreams hears it in its own format", () => {
    const narrow = { name: "narrow", options: { adapter: "wire", settings: { input: PCMU } } };
    const call = new Call({ upstreams: [WIRE, narrow] });
    create(call, spoken(base64(4800)));
    expect(bytes(told(call)[0]).byteLength).toBe(4800);
    expect(bytes(told(call, "up1.1")[0]).byteLength).toBe(800);
  });

  test("[I9] µ-law is decoded, not passed on: what is heard is what was said", () => {
    const call = new Call(ULAW);
    const samples = voice(200, 8000);
    const audio = encode(PCMU, samples).toBase64();
    create(call, spoken(audio));
    const heard = createDecoder({ type: "audio/pcm", rate: 24000 }).decode(bytes(told(call)[0]));
    const power = (all: Int16Array) => all.reduce((sum, one) => sum + one * one, 0) / all.length;
    expect(power(heard) / power(samples)).toBeGreaterThan(0.8);
    expect(power(heard) / power(samples)).toBeLessThan(1.2);
  });

  test("[I9] in response.create.input likewise, and asked again elsewhere in that one's format", () => {
    const fallback = { adapter: "wire", settings: { input: { type: "audio/pcm", rate: 16000 } } };
    const call = new Call({
      ...ULAW,
      upstreams: [{ name: "a", options: { adapter: "wire" }, fallback: [fallback] }],
    });
    const input = [spoken(base64(800))];
    call.client({ type: "response.create", response: { conversation: "none", input } });
    expect(bytes(told(call)[0]).byteLength).toBe(4800);
    call.input({ type: "close", peer: "up0.1", code: 1011, reason: "" });
    call.advance(10);
    call.accept("up0.2");
    call.advance(10);
    expect(bytes(told(call, "up0.2")[0]).byteLength).toBe(3200);
  });

  test("[I9] several parts are each retrieved with their own, also in another isolate", () => {
    const call = new Call(ULAW);
    create(
      call,
      spoken(base64(800), { type: "input_text", text: "and" }, { type: "input_audio", audio: base64(400) }),
    );
    call.hibernate();
    const [first, text, second] = retrieved(call);
    expect([bytes(first).byteLength, text?.audio, bytes(second).byteLength]).toEqual([800, undefined, 400]);
  });

  test.each([["client"], ["server"]])(
    "[I9] a provider that comes after a loss hears it (turns: %s)",
    (turns) => {
      const upstream = { name: "a", options: { adapter: "wire", settings: { turns } } };
      const call = new Call({ ...ULAW, upstreams: [upstream] });
      create(call, spoken(base64(800), { type: "input_text", text: "and" }));
      call.hibernate();
      call.input({ type: "close", peer: "up0.1", code: 1011, reason: "" });
      call.advance(1000);
      call.accept("up0.2");
      const item = call.commands("up0.2").find((command) => command.type === "item");
      const [audio, text] = partsOf(item?.type === "item" ? item.item : undefined);
      expect([bytes(audio).byteLength, text]).toEqual([4800, { type: "input_text", text: "and" }]);
      expect(JSON.stringify(call.events)).not.toContain("audio_lost");
    },
  );

  test("[I9][L36] audio of it that is not kept any more is told to be lost, beside its text", () => {
    const call = new Call({ ...ULAW, limits: { archiveBytes: 32 * 1024, wordlessBytes: 32 * 1024 } });
    create(call, spoken(base64(8000), { type: "input_text", text: "and" }));
    create(call, { ...spoken(base64(80_000)), id: "newer" });
    call.input({ type: "close", peer: "up0.1", code: 1011, reason: "" });
    call.advance(1000);
    call.accept("up0.2");
    expect(JSON.stringify(call.last("error"))).toContain("audio_lost");
    expect(JSON.stringify(call.last("error"))).toContain("spoken");
    expect(call.commands("up0.2").find((command) => command.type === "item")).toMatchObject({
      item: { id: "spoken", content: [{ type: "input_text", text: "and" }] },
    });
  });

  test.each([
    ["base64url", "-_-_", "base64url"],
    ["a data URL", "data:audio/wav;base64,AAAA", "a data URL"],
  ])("[I9][E12] %s is refused with what came", (_, audio, says) => {
    const call = new Call();
    create(call, spoken(audio));
    expect(call.last("error")["error"]).toMatchObject({
      param: "item.content[0].audio",
      event_id: "e",
      message: expect.stringContaining(says),
    });
    call.client({ type: "response.create", response: { input: [spoken(audio)] }, event_id: "r" });
    expect(call.last("error")["error"]).toMatchObject({
      param: "response.input[0].content[0].audio",
      event_id: "r",
    });
    expect(call.commandTypes()).toEqual(["greet"]);
  });

  test("[I9] it is taken in any spelling of base64, and is at the upstream in one", () => {
    const bytes = Uint8Array.from({ length: 100_002 }, (_, n) => (n * 11) % 256);
    const plain = bytes.toBase64();
    for (const audio of [plain, plain.replaceAll(/.{76}/g, "$&\r\n"), ` ${plain}\t`]) {
      const call = new Call();
      const content = [{ type: "input_audio", audio }];
      call.client({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
      expect(call.commands().at(-1)).toMatchObject({ item: { content: [{ audio: plain }] } });
    }
    for (const audio of [`${plain}=`, `${plain}A`, `-${plain}`, plain.replace("A", "=")]) {
      const call = new Call();
      const content = [{ type: "input_audio", audio }];
      call.client({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
      expect(call.last("error")["error"]).toMatchObject({ param: "item.content[0].audio" });
    }
  });

  test("[I10] more audio than its bound is refused, in one part or in several", () => {
    const call = new Call({ ...ULAW, limits: { itemAudioMs: 100 } });
    create(call, spoken(base64(808)));
    expect(call.last("error")["error"]).toMatchObject({
      code: "item_too_large",
      param: "item.content[0].audio",
    });
    create(call, spoken(base64(400), { type: "input_audio", audio: base64(480) }));
    expect(call.last("error")["error"]).toMatchObject({ param: "item.content[1].audio" });
    const input = [spoken(base64(400)), spoken(base64(480))];
    call.client({ type: "response.create", response: { input } });
    expect(call.last("error")["error"]).toMatchObject({ param: "response.input[1].content[0].audio" });
    create(call, spoken(base64(800)));
    expect(call.types().at(-1)).toBe("conversation.item.done");
  });

  test("[I9] the real adapter puts it into its item in the format that it declared", () => {
    const options = { adapter: "openai-compatible", url: "https://provider.test/v1/realtime", model: "m" };
    const call = new Call({ ...ULAW, upstreams: [{ name: "p", options }], createUpstream, connect: false });
    call.connect("realtime");
    call.input({ type: "open", peer: "up0.1" });
    for (const type of ["session.created", "session.updated"]) {
      const data = JSON.stringify({ type, session: { type: "realtime" } });
      call.input({ type: "message", peer: "up0.1", data });
    }
    create(call, spoken(base64(800)));
    const sent = call.commands().at(-1) as unknown as { type: string; item: Json };
    expect(sent.type).toBe("conversation.item.create");
    expect(bytes(partsOf(sent.item)[0]).byteLength).toBe(4800);
  });
});

describe("a tool's result", () => {
  const twoWithCalls = () => {
    const call = new Call({ upstreams: [WIRE, { ...WIRE, name: "other" }] });
    call.client({ type: "response.create" });
    for (const peer of ["up0.1", "up1.1"]) {
      const respond = call.commands(peer).findLast(({ type }) => type === "respond");
      if (respond?.type !== "respond") throw new Error("nobody was asked");
      call.upstream({ type: "response.started", response: "r", answers: respond.responseId }, peer);
      call.upstream(
        {
          type: "item.started",
          response: "r",
          item: "c",
          kind: "function_call",
          name: "f",
          callId: "call_1",
        },
        peer,
      );
      call.finishAnswer(peer);
      call.upstream(
        { type: "item.done", status: "completed", response: "r", item: "c", arguments: "{}" },
        peer,
      );
    }
    return call;
  };
  const result = (id: string) => ({ id, type: "function_call_output", call_id: "call_1", output: id });
  const results = (call: Call, peer: string) =>
    call.commands(peer).flatMap((command) => (command.type === "item" ? [command.item["output"]] : []));

  test("[I11] of calls of one name at two upstreams each gets one, in the order in which they called", () => {
    const call = twoWithCalls();
    create(call, result("one"));
    call.hibernate();
    create(call, result("two"));
    expect(results(call, "up0.1")).toEqual(["one"]);
    expect(results(call, "up1.1")).toEqual(["two"]);
  });

  test("[I12] a call_id of nothing is refused; a call without one is given one", () => {
    const call = new Call();
    create(call, { type: "function_call_output", call_id: "", output: "x" });
    expect(call.last("error")["error"]).toMatchObject({ param: "item.call_id", event_id: "e" });
    create(call, { type: "function_call", name: "f", arguments: "{}" });
    expect(call.last("conversation.item.done")["item"]).toMatchObject({
      call_id: expect.stringMatching(/^call_/),
    });
    expect(call.commands().at(-1)).toMatchObject({ item: { call_id: expect.stringMatching(/^call_/) } });
  });
});

describe("names and bounds", () => {
  test("[I13] the name of an item that an answer still grows is taken, though the client deleted it", () => {
    const call = new Call();
    call.client({ type: "response.create" });
    call.beginAnswer();
    const audio = new Uint8Array(voice(300).buffer).toBase64();
    call.upstream({ type: "audio", response: "r", item: "i", audio });
    const { id } = call.last("response.output_item.added")["item"] as { id: string };
    const again = {
      type: "conversation.item.create",
      item: { id, type: "message", role: "user", content: [{ type: "input_text", text: "mine" }] },
    };
    call.client({ type: "conversation.item.delete", item_id: id });
    call.client(again);
    expect(call.last("error")["error"]).toMatchObject({ code: "item_create_duplicate_item_id" });
    call.finishAnswer();
    call.client(again);
    expect(call.last("conversation.item.added")["item"]).toMatchObject({ id, role: "user" });
  });

  test("[I13] the name of the turn that is being spoken is taken", () => {
    const call = new Call();
    call.speak(concat(silence(600), voice(600)));
    const id = String(call.last("input_audio_buffer.speech_started")["item_id"]);
    create(call, { id, type: "message", role: "user", content: [{ type: "input_text", text: "x" }] });
    expect(call.last("error")["error"]).toMatchObject({
      code: "item_create_duplicate_item_id",
      event_id: "e",
    });
    call.speak(concat(voice(400), silence(900)));
    expect(call.last("input_audio_buffer.committed")).toMatchObject({ item_id: id });
    expect(call.types()).toContain("response.created");
  });

  test("[E8] at the most items one at the front stays, and the oldest other is forgotten", () => {
    const call = new Call({ limits: { items: 2 } });
    const text = (id: string) => ({
      id,
      type: "message",
      role: "user",
      content: [{ type: "input_text", text: id }],
    });
    create(call, text("a"));
    create(call, text("b"));
    call.client({ type: "conversation.item.create", item: text("front"), previous_item_id: "root" });
    expect(call.session.snapshot().conversation.entries.map(({ item }) => item.id)).toEqual(["front", "b"]);
  });
});
