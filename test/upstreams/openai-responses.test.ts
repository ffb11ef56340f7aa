import { describe, expect, it } from "vitest";

import { orderFaults } from "./connection.ts";
import { connectOpenAi, RESPOND } from "./openai-connection.ts";

const respond = (responseId: string) => ({ type: "respond", responseId, options: RESPOND }) as const;
const outOfBand = (responseId: string) =>
  ({ type: "respond", responseId, options: { params: {}, outOfBand: true } }) as const;

describe("who answers what", () => {
  it("[U7] recognises answers by metadata, in whatever order they begin", () => {
    const { connection, server } = connectOpenAi();
    connection.send(outOfBand("R1"));
    connection.send(outOfBand("R2"));
    connection.hear([server.created("resp_b", { relay_response: "R2" }, true)]);
    connection.hear([server.created("resp_a", { relay_response: "R1" }, true)]);
    expect(connection.of("response.started")).toEqual([
      { type: "response.started", response: "resp_b", answers: "R2" },
      { type: "response.started", response: "resp_a", answers: "R1" },
    ]);
  });

  it("[U7] takes answers first in, first out where metadata is not repeated", () => {
    const { connection, server } = connectOpenAi({ quirks: { metadataEcho: false } });
    connection.send(outOfBand("R1"));
    connection.send(outOfBand("R2"));
    expect(server.received.at(-1)).not.toHaveProperty("response.metadata");
    connection.hear([...server.begin().messages, ...server.begin().messages]);
    expect(connection.of("response.started").map(({ answers }) => answers)).toEqual(["R1", "R2"]);
  });

  it("[U7] takes answers in order also from a server that was thought to repeat metadata", () => {
    const { connection, server } = connectOpenAi();
    connection.send(respond("R1"));
    connection.hear([server.created("resp_a", null)]);
    expect(connection.of("response.started")[0]?.answers).toBe("R1");
  });

  it("[U7] knows an answer that nobody asked for, and one whose begin was never told", () => {
    const { connection, server } = connectOpenAi();
    connection.hear([server.created("resp_a", null), server.done("resp_a")]);
    expect(connection.of("response.started")[0]?.answers).toBeNull();
    connection.send(respond("R1"));
    connection.hear([server.audioDelta("resp_b", "item_b", "AQI="), server.done("resp_b")]);
    expect(connection.of("response.started")[1]?.answers).toBe("R1");
    expect(orderFaults(connection.events)).toEqual([]);
  });

  it("[U7] hands on the metadata that the model attached, without the relay's own", () => {
    const { connection, server } = connectOpenAi();
    connection.send(respond("R1"));
    const { response, messages } = server.begin();
    const metadata = { relay_response: "R1", demo_input_samples: "4800" };
    connection.hear([...messages, server.done(response, "completed", { metadata })]);
    expect(connection.of("response.done")[0]?.metadata).toEqual({ demo_input_samples: "4800" });
  });

  it("[U7] sends an out-of-band answer's parameters, in the session's audio format", () => {
    const { connection, server } = connectOpenAi();
    const params = {
      instructions: "Summarise.",
      output_modalities: ["text"],
      audio: { output: { format: { type: "audio/pcmu" }, voice: "marin" } },
      metadata: { topic: "client's own" },
    };
    connection.send({ type: "respond", responseId: "R1", options: { params, outOfBand: true } });
    expect(server.last("response.create").response).toEqual({
      instructions: "Summarise.",
      output_modalities: ["text"],
      audio: { output: { voice: "marin" } },
      conversation: "none",
      metadata: { relay_response: "R1" },
    });
  });
});

describe("one answer at a time", () => {
  it("[U8] holds an answer until the one before is done", () => {
    const { connection, server } = connectOpenAi();
    connection.send(respond("R1"));
    const { response, messages } = server.begin();
    connection.hear(messages);
    connection.send(respond("R2"));
    expect(server.count("response.create")).toBe(1);
    connection.hear([server.done(response)]);
    expect(server.count("response.create")).toBe(2);
    expect(server.last("response.create").response?.metadata).toEqual({ relay_response: "R2" });
  });

  it("[U8] does not hold an out-of-band answer, nor any where a provider abandons its answers", () => {
    const one = connectOpenAi();
    one.connection.send(respond("R1"));
    one.connection.send(outOfBand("R2"));
    expect(one.server.count("response.create")).toBe(2);

    const { connection, server } = connectOpenAi({ quirks: { abandonsResponses: true } });
    connection.send(respond("R1"));
    connection.hear(server.begin("resp_a").messages);
    connection.send(respond("R2"));
    connection.hear(server.begin("resp_b").messages);
    expect(connection.of("response.done")).toMatchObject([
      { response: "resp_a", status: "cancelled", reason: "superseded" },
    ]);
    expect(connection.hear([server.audioDelta("resp_a", "item_a", "AQI=")])).toEqual([]);
  });

  it("[U8] asks again once when the provider still had one running", () => {
    const { connection, server } = connectOpenAi({ settings: { turns: "server" } });
    connection.send(respond("R1"));
    const eventId = server.last("response.create").event_id ?? null;
    connection.hear([server.created("resp_own", null)]);
    connection.hear([server.error("conversation_already_has_active_response", eventId)]);
    expect(connection.of("error")).toEqual([]);
    connection.hear([server.done("resp_own")]);
    expect(server.count("response.create")).toBe(2);
    connection.hear([server.created("resp_other", null)]);
    connection.hear([server.error("conversation_already_has_active_response", eventId)]);
    expect(connection.of("response.done").at(-1)).toMatchObject({
      status: "failed",
      error: { code: "conversation_already_has_active_response" },
    });
  });

  it("[U8] lets the next answer go when the provider complains and may never end the one before", () => {
    const { connection, server } = connectOpenAi();
    connection.send(respond("R1"));
    connection.hear(server.begin().messages);
    connection.send(respond("R2"));
    connection.hear([server.error("server_error", null)]);
    expect(server.count("response.create")).toBe(2);
  });

  it("[U8] ends the oldest waiting answer when too many wait", () => {
    const { connection, server } = connectOpenAi();
    for (let n = 0; n < 20; n++) connection.send(respond(`R${n}`));
    connection.hear(server.begin().messages);
    const failed = connection.of("response.done");
    expect(failed.map(({ error }) => error?.code)).toEqual([
      "upstream_busy",
      "upstream_busy",
      "upstream_busy",
    ]);
    expect(connection.of("response.started").map(({ answers }) => answers)).toEqual(["R1", "R2", "R3", "R0"]);
    expect(orderFaults(connection.events)).toEqual([]);
  });
});

describe("cancelling", () => {
  it("[U9] cancels without the provider's name only what can be nothing else, and by its name once it has one", () => {
    const { connection, server } = connectOpenAi();
    connection.send(respond("R1"));
    connection.send({ type: "cancel", responseId: "R1" });
    expect(server.last("response.cancel")).not.toHaveProperty("response_id");
    const { response, messages } = server.begin();
    connection.hear(messages);
    expect(server.last("response.cancel").response_id).toBe(response);
  });

  it("[Q43] an ask that the provider never took does not keep the next one from being cancelled at once", () => {
    const { connection, server } = connectOpenAi();
    connection.send(respond("R1"));
    connection.send({ type: "cancel", responseId: "R1" });
    const { event_id } = server.last("response.cancel");
    connection.hear([server.error("response_cancel_not_active", event_id ?? null)]);
    connection.send(respond("R2"));
    connection.send({ type: "cancel", responseId: "R2" });
    expect(server.count("response.create")).toBe(2);
    expect(server.count("response.cancel")).toBe(2);
  });

  it("[U9] never cancels whatever else runs", () => {
    for (const scene of [{ settings: { turns: "server" } }, { quirks: { abandonsResponses: true } }]) {
      const { connection, server } = connectOpenAi(scene);
      connection.send(respond("R1"));
      connection.send({ type: "cancel", responseId: "R1" });
      expect(server.count("response.cancel")).toBe(0);
    }
    const { connection, server } = connectOpenAi();
    connection.hear([server.created("resp_own", null)]);
    connection.send(outOfBand("R1"));
    connection.send({ type: "cancel", responseId: "R1" });
    expect(server.count("response.cancel")).toBe(0);
  });

  it("[U9] ends an answer that was cancelled while it waited, without asking for it", () => {
    const { connection, server } = connectOpenAi();
    connection.send(respond("R1"));
    const { response, messages } = server.begin();
    connection.hear(messages);
    connection.send(respond("R2"));
    connection.send({ type: "cancel", responseId: "R2" });
    connection.hear([server.done(response)]);
    expect(server.count("response.create")).toBe(1);
    expect(connection.of("response.started").map(({ answers }) => answers)).toEqual(["R1", "R2"]);
    expect(connection.of("response.done")).toMatchObject([
      { status: "cancelled", reason: "client_cancelled" },
      { status: "completed" },
    ]);
  });

  it("[U9] cancels an answer that the model began by itself, by its key or its name", () => {
    for (const responseId of ["resp_own", "resp_session"]) {
      const { connection, server } = connectOpenAi({ settings: { turns: "server" } });
      connection.hear([server.created("resp_own", null)]);
      connection.send({ type: "named", what: "response", key: "resp_own", id: "resp_session" });
      connection.send({ type: "cancel", responseId });
      expect(server.last("response.cancel").response_id).toBe("resp_own");
    }
  });

  it("[U9] keeps quiet about a cancel that crossed the answer's end", () => {
    const { connection, server } = connectOpenAi();
    connection.hear([server.error("response_cancel_not_active", "relay_cancel_9")]);
    connection.hear([server.error("other_code", null, "Cancellation failed: no active response found")]);
    expect(connection.of("error")).toEqual([]);
  });
});

describe("answers that fail", () => {
  it("[U18] ends the answer whose request was refused, by event id or by what the error says", () => {
    for (const byId of [true, false]) {
      const { connection, server } = connectOpenAi();
      connection.send(respond("R1"));
      const eventId = byId ? (server.last("response.create").event_id ?? null) : null;
      connection.hear([
        server.error(byId ? "invalid_value" : "response_create_failed", eventId, "No such voice."),
      ]);
      expect(connection.of("response.started")[0]?.answers).toBe("R1");
      expect(connection.of("response.done")).toMatchObject([
        { status: "failed", error: { message: "No such voice." } },
      ]);
      connection.send(respond("R2"));
      expect(server.count("response.create")).toBe(2);
    }
  });

  it("[U18] tells why an answer failed or stayed incomplete", () => {
    const { connection, server } = connectOpenAi();
    connection.send(respond("R1"));
    const first = server.begin();
    const details = { type: "failed", error: { type: "server_error", code: "overloaded", message: "Busy." } };
    connection.hear([...first.messages, server.done(first.response, "failed", { status_details: details })]);
    connection.send(respond("R2"));
    const second = server.begin();
    connection.hear([...second.messages, server.done(second.response, "incomplete")]);
    expect(connection.of("response.done")).toMatchObject([
      { status: "failed", error: { code: "overloaded", message: "Busy." } },
      { status: "incomplete", reason: "max_output_tokens", error: null, usage: { total_tokens: 3 } },
    ]);
  });
});

describe("what an answer may be made of", () => {
  it("[U15] tells at most 64 items of one answer, and no arguments beyond 256 Ki characters", () => {
    const { connection, server } = connectOpenAi();
    connection.send(respond("R1"));
    const { response, messages } = server.begin();
    connection.hear(messages);
    const call = { type: "function_call", name: "f", call_id: "call_1", status: "completed" } as const;
    connection.hear([server.itemDone(response, { ...call, id: "item_0", arguments: " ".repeat(300_000) })]);
    expect(connection.of("item.done")).toMatchObject([{ response, item: "item_0", status: "incomplete" }]);
    expect(connection.of("error")).toMatchObject([
      { error: { code: "upstream_protocol_error", message: expect.stringContaining("arguments") } },
    ]);
    for (let n = 1; n < 80; n++) connection.hear([server.messageItem(response, `item_${n}`)]);
    connection.hear([server.done(response)]);
    expect(connection.of("item.started")).toHaveLength(64);
    expect(orderFaults(connection.events)).toEqual([]);
  });

  it("[U12] tells a call that was announced only when it was complete", () => {
    const { connection, server } = connectOpenAi();
    connection.send(respond("R1"));
    const { response, messages } = server.begin();
    const call = {
      id: "item_c",
      type: "function_call",
      name: "f",
      call_id: "call_1",
      arguments: "{}",
    } as const;
    connection.hear([...messages, server.done(response, "completed", { output: [call] })]);
    expect(connection.events.slice(2)).toMatchObject([
      { type: "item.started", kind: "function_call", name: "f", callId: "call_1" },
      { type: "item.done", status: "completed", arguments: "{}" },
      { type: "response.done" },
    ]);
  });

  it("[U13] tells words that came only with the finished item, and none twice", () => {
    const { connection, server } = connectOpenAi();
    connection.send(respond("R1"));
    const { response, messages } = server.begin();
    const done = (id: string, transcript: string): string =>
      server.itemDone(response, {
        id,
        type: "message",
        role: "assistant",
        content: [{ type: "output_audio", transcript }],
      });
    connection.hear([...messages, done("item_a", "All at once.")]);
    connection.hear([server.transcript(response, "item_b", "Bit by bit."), done("item_b", "Bit by bit.")]);
    expect(connection.of("transcript").map(({ delta }) => delta)).toEqual(["All at once.", "Bit by bit."]);
  });
});
