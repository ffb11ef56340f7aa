import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decode } from "../../demo/codec.ts";
import { startDemo, type Demo } from "../../demo/server.ts";
import { Client } from "./client.ts";

let demo: Demo;
beforeAll(async () => {
  demo = await startDemo({ port: 0 });
});
afterAll(() => demo.close());

const PCM = { type: "audio/pcm", rate: 24_000 } as const;

describe("faults on demand", () => {
  test("[D25] stall_after_ms: nothing more is sent, and the socket stays open", async () => {
    const client = await Client.open(demo, "pace=0&piece_ms=40&stall_after_ms=200");
    client.write("tell me a story");
    client.send({ type: "response.create" });
    for (let i = 0; i < 5; i += 1) await client.next("response.output_audio.delta");
    client.send({ type: "response.cancel" });
    client.send({ type: "no.such.event" });
    await client.settled();
    expect(client.all("response.output_audio.delta")).toHaveLength(5);
    expect(client.events.at(-1)?.type).toBe("response.output_audio.delta");
    await client.hangUp();
  });

  test("[D25] stall_after_ms=0 stalls after response.created", async () => {
    const client = await Client.open(demo, "pace=0&stall_after_ms=0");
    client.write("hello");
    client.send({ type: "response.create" });
    await client.next("response.created");
    client.send({ type: "response.cancel" });
    await client.settled();
    expect(client.events.at(-1)?.type).toBe("response.created");
    await client.hangUp();
  });

  test("[D26] silence: the answer lasts as long and every sample is zero", async () => {
    const client = await Client.open(demo, "pace=0&silence=1");
    const { id } = await client.ask("hello");
    const samples = decode(client.audioOf(id), PCM);
    expect(samples.length).toBeGreaterThan(24_000);
    expect(samples.every((sample) => sample === 0)).toBe(true);
    await client.hangUp();
  });

  test("[D27] close_after_ms and close_after_audio_ms close with close_code; 1006 just breaks", async () => {
    const timed = await Client.open(demo, "close_after_ms=30");
    expect((await timed.closed).code).toBe(1011);
    for (const [query, code] of [
      ["close_code=4001", 4001],
      ["close_code=1006", 1006],
    ] as const) {
      const client = await Client.open(demo, `pace=0&piece_ms=50&close_after_audio_ms=100&${query}`);
      client.write("tell me a story");
      client.send({ type: "response.create" });
      expect((await client.closed).code).toBe(code);
      expect(client.all("response.done")).toEqual([]);
      expect(client.all("response.output_audio.delta").length).toBeLessThanOrEqual(2);
    }
  });

  test("[D28] max_session_ms: session_expired, then close 1001 with that message", async () => {
    const client = await Client.open(demo, "max_session_ms=60");
    const { session } = await client.next("session.created");
    expect(session.expires_at).toBeLessThan(Date.now() / 1000 + 2);
    const { error } = await client.next("error");
    expect(error.code).toBe("session_expired");
    expect(await client.closed).toEqual({ code: 1001, reason: error.message });
  });

  test("[D29] garbage: every kind of rubbish, and the call itself stays right", async () => {
    const client = await Client.open(demo, "pace=0&garbage=1&seed=3");
    client.write("hello");
    client.send({ type: "response.create" });
    let done = await client.next("response.done");
    // One kind of rubbish is a `response.done` without a response.
    while (done["response"] === null) done = await client.next("response.done");
    expect(client.rubbish).toEqual(expect.arrayContaining(["not json", "[]", "null", ""]));
    expect(client.all("response.unheard_of").length).toBeGreaterThan(0);
    expect(done["response"].status).toBe("completed");
    await client.hangUp();
  });

  test("[D29] odd_chunks: every delta has an odd number of bytes, their sum is whole", async () => {
    const client = await Client.open(demo, "pace=0&odd_chunks=1");
    const plain = await Client.open(demo, "pace=0");
    const { id } = await client.ask("hello");
    const { id: plainId } = await plain.ask("hello");
    const lengths = client
      .all("response.output_audio.delta")
      .map((event) => Buffer.from(event["delta"], "base64").length);
    expect(lengths.every((length) => length % 2 === 1)).toBe(true);
    expect(client.audioOf(id)).toEqual(plain.audioOf(plainId));
    await client.hangUp();
    await plain.hangUp();
  });

  test("[D30] slow: half of real time", async () => {
    const client = await Client.open(demo, "slow=1&first_audio_ms=0");
    client.write("tell me a story");
    client.send({ type: "response.create" });
    await client.next("response.output_audio.delta");
    const begun = performance.now();
    // The first piece may have been late on its way here by one piece, not by two.
    for (let i = 0; i < 6; i += 1) await client.next("response.output_audio.delta");
    expect(performance.now() - begun).toBeGreaterThan(4 * 80);
    await client.hangUp();
  });

  test("[D30] ignore_cancel: the answer goes on to its end and no error is sent", async () => {
    const client = await Client.open(demo, "pace=0&ignore_cancel=1&first_audio_ms=30");
    client.write("hello");
    client.send({ type: "response.create" });
    client.send({ type: "response.cancel" });
    const { response } = await client.next("response.done");
    expect(response.status).toBe("completed");
    await client.hangUp();
  });

  test("[D30] the same seed draws the same identifiers", async () => {
    const ids = await Promise.all(
      [1, 2].map(async () => {
        const client = await Client.open(demo, "seed=99");
        const { session } = await client.next("session.created");
        await client.hangUp();
        return session.id;
      }),
    );
    expect(ids[0]).toBe(ids[1]);
  });
});

describe("hostile input", () => {
  test("[D31] a text made to exhaust the dialogue's patterns is answered at once", async () => {
    const client = await Client.open(demo, "pace=0");
    for (const text of [`say ${" ".repeat(190_000)}x`, "what ".repeat(38_000), "in A".repeat(40_000)]) {
      const done = await client.ask(text, { output_modalities: ["text"], max_output_tokens: 20 });
      expect(done["status"]).not.toBe("failed");
    }
    await client.hangUp();
  });

  test("[D31] what is no event is answered by an error that says why, and the call goes on", async () => {
    const client = await Client.open(demo, "pace=0");
    const cases: readonly (readonly [string | Buffer, string, string | null])[] = [
      ["not json", "invalid_json", null],
      ["[]", "invalid_event", null],
      [
        `{"type":"session.update","session":${"[".repeat(200_000)}${"]".repeat(200_000)}}`,
        "invalid_event",
        null,
      ],
      ["null", "invalid_event", null],
      [Buffer.from('{"type":"response.create"}'), "invalid_event", null],
      ["{}", "missing_required_parameter", "type"],
      ['{"type":7}', "invalid_value", "type"],
      ['{"type":"constructor"}', "invalid_value", "type"],
      ['{"type":"output_audio_buffer.clear"}', "invalid_value", "type"],
      ['{"type":"input_audio_buffer.append"}', "missing_required_parameter", "audio"],
      ['{"type":"input_audio_buffer.append","audio":"%%"}', "invalid_value", "audio"],
      ['{"type":"input_audio_buffer.append","audio":"AAAA"}', "invalid_value", "audio"],
      ['{"type":"input_audio_buffer.append","audio":5}', "invalid_value", "audio"],
      ['{"type":"response.create","response":{"metadata":{"a":1}}}', "invalid_value", "response.metadata.a"],
      ['{"type":"response.create","response":{"volume":1}}', "unknown_parameter", "response.volume"],
      ['{"type":"response.create","surprise":1}', "unknown_parameter", "surprise"],
    ];
    for (const [message, code, param] of cases) {
      client.socket.send(message);
      expect((await client.next("error"))["error"]).toMatchObject({
        type: "invalid_request_error",
        code,
        param,
      });
    }
    expect((await client.ask("hello"))["status"]).toBe("completed");
    await client.hangUp();
  });

  test("[D31] 15 MiB of base64 are taken, more is refused by name, a longer message closes with 1009", async () => {
    const client = await Client.open(demo);
    await client.update({ audio: { input: { turn_detection: null } } });
    const most = "A".repeat(15 * 1024 * 1024);
    client.send({ type: "input_audio_buffer.append", audio: most.slice(0, Math.floor(most.length / 8) * 8) });
    client.send({ type: "input_audio_buffer.append", audio: `${most}AAAA` });
    expect((await client.next("error"))["error"].code).toBe("string_above_max_length");
    client.send({ type: "input_audio_buffer.commit" });
    await client.next("input_audio_buffer.committed");
    client.send({ type: "input_audio_buffer.append", audio: most + most });
    expect((await client.closed).code).toBe(1009);
  });

  test("[D31] a full input buffer is an error and keeps what it has", async () => {
    const client = await Client.open(demo);
    await client.update({ audio: { input: { turn_detection: null, format: { type: "audio/pcmu" } } } });
    const minutes = "/".repeat(4 * Math.floor((8_000 * 60 * 4) / 3));
    for (let i = 0; i < 3; i += 1) client.send({ type: "input_audio_buffer.append", audio: minutes });
    expect((await client.next("error"))["error"].code).toBe("input_audio_buffer_full");
    client.send({ type: "input_audio_buffer.commit" });
    await client.next("input_audio_buffer.committed");
    await client.hangUp();
  });
});
