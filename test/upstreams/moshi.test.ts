/** Moshi's servers, against one that refuses what theirs cannot read: the handshake, sound in both directions, words, and what there is not. */
import { describe, expect, test } from "vitest";

import { createUpstream } from "../../src/upstreams/index.ts";
import { chunk, CONFIG, orderFaults } from "./connection.ts";
import { likeness } from "../support/moshi-model.ts";
import { kind } from "../support/ogg.ts";
import { opus, plain } from "../support/opus.ts";
import { KEY, moshi, moshiUpstream, sound, SPOKEN, types } from "./moshi-connection.ts";

const ask = (responseId: string) =>
  ({ type: "respond", responseId, options: { params: {}, outOfBand: false } }) as const;
/** So many pieces of 80 ms. */
const quiet = (server: { audio(pcm: Uint8Array): Uint8Array[] }, ms: number) =>
  Array.from({ length: ms / 80 }, () => server.audio(new Uint8Array(3840))).flat();

describe("a Moshi server", () => {
  test("[U280] is dialled at /api/chat with its sampling, and ready with its handshake; the key travels in the header alone", () => {
    const { connection, upstream, server } = moshi({
      settings: { sampling: { text_temperature: 0.7, audio_topk: 250, text_seed: 3 } },
      free: false,
    });
    expect(upstream.request("conversation", CONFIG)).toEqual({
      url: "https://gpu.example:8998/api/chat?text_temperature=0.7&text_seed=3&audio_topk=250",
      headers: { Authorization: KEY },
      protocols: [],
    });
    const other = moshiUpstream({ more: { url: "ws://gpu.example/other?text_seed=1" } });
    expect(other.request().url).toBe("http://gpu.example/other?text_seed=1");
    expect(connection.events).toEqual([]);
    connection.hear([server.handshake(), server.handshake()]);
    expect(connection.events).toEqual([{ type: "ready" }]);
    expect(upstream.capabilities).toMatchObject({
      turns: "none",
      text: false,
      tools: false,
      maxSessionMs: null,
    });
    expect(JSON.stringify(upstream.snapshot())).not.toContain("sk-0123");
  });

  test("[U280] in Rust, whose handshake is longer, hangs up after six minutes: its age is known, unless the settings say another", () => {
    const rust = moshi({ free: false });
    rust.connection.hear([rust.server.handshake(true)]);
    expect(rust.connection.of("ready")).toHaveLength(1);
    expect(rust.upstream.capabilities.maxSessionMs).toBe(360_000);
    for (const maxSessionMs of [null, 1000]) {
      const told = moshi({ settings: { maxSessionMs }, free: false });
      told.connection.hear([told.server.handshake(true)]);
      expect(told.upstream.capabilities.maxSessionMs).toBe(maxSessionMs);
    }
  });

  test("[U280] says nothing before its handshake that is heard, and its kinds that mean nothing lead to nothing", () => {
    const { connection, server } = moshi({ free: false });
    connection.hear([...server.audio(sound(80)), server.said(" Hello"), kind(4, '{"pad_mult":0}'), kind(6)]);
    expect(types(connection.events)).toEqual(["error"]);
    expect(connection.of("error")).toMatchObject([
      { fatal: false, error: { code: "upstream_protocol_error" } },
    ]);
    const before = connection.events.length;
    connection.hear([server.handshake(), kind(3, Uint8Array.of(1)), kind(4, "{"), kind(6), kind(200, "x")]);
    expect(types(connection.events.slice(before))).toEqual(["ready"]);
  });

  test("[U281] hears one Ogg stream of Opus, headers first, each message whole pages, and every sample in order", () => {
    const { connection, server } = moshi({ codec: plain(1) });
    const said = Uint8Array.from({ length: 4800 }, (_, n) => n % 251);
    for (let at = 0, n = 0; at < said.length; n++) {
      const length = 2 * (1 + ((n * 37) % 90));
      connection.send({ type: "audio", chunk: chunk(said.subarray(at, at + length)) });
      at += length;
    }
    expect(server.refused).toEqual([]);
    expect(Uint8Array.from(server.heard)).toEqual(said);
    // Opus counts at 48 kHz.
    expect(server.granules.slice(0, 2)).toEqual([0, 0]);
    expect(server.granules.at(-1)).toBe(4800);
  });

  test("[U281] is sent whole packets of 20 ms: the rest waits for what comes next, and for no restart", () => {
    const { connection, server, upstream } = moshi({ codec: opus() });
    connection.send({ type: "audio", chunk: chunk(sound(30)) });
    expect(server.heard).toHaveLength(20 * 48);
    const [opening, first] = server.received;
    expect(opening?.length).toBeLessThan(130);
    expect(first?.length).toBeLessThan(200);
    const moved = moshiUpstream({ codec: opus() });
    moved.restore(JSON.parse(JSON.stringify(upstream.snapshot())));
    connection.upstream = moved;
    connection.send({ type: "audio", chunk: chunk(sound(30)) });
    expect(server.heard).toHaveLength(60 * 48);
    // Long sound is cut into pages of a second.
    connection.send({ type: "audio", chunk: chunk(sound(2500)) });
    expect(server.heard).toHaveLength(2560 * 48);
    expect(server.received).toHaveLength(6);
    expect(server.granules.at(-1)).toBe(312 + 2560 * 48);
    expect(server.refused).toEqual([]);
  });

  test("[U281] is sent silence where a client sends nothing, for its time passes as sound comes", () => {
    const { connection, server, upstream } = moshi();
    expect(upstream.capabilities.keepaliveMs).toBe(200);
    connection.send({ type: "keepalive" });
    expect(server.heard).toEqual(Array.from({ length: 9600 }, () => 0));
    expect(server.refused).toEqual([]);
  });

  test("[U282] speaks when it likes: an answer begins with what can be heard or a word, and ends with a pause", () => {
    const { connection, server } = moshi();
    connection.hear(quiet(server, 400));
    expect(connection.events).toHaveLength(1);
    connection.hear([...server.audio(sound(80)), server.said(" Good"), ...server.audio(sound(80))]);
    connection.hear([server.said(" day"), server.said("."), ...quiet(server, 800)]);
    expect(types(connection.events)).toEqual([
      "ready",
      "response.started",
      "item.started",
      "audio",
      "transcript",
      "audio",
      "transcript",
      "transcript",
      ...Array.from({ length: 10 }, () => "audio"),
      "item.done",
      "response.done",
    ]);
    expect(connection.of("transcript").map(({ delta }) => delta)).toEqual(["Good", " day", "."]);
    expect(connection.of("response.started")[0]?.answers).toBeNull();
    expect(connection.of("response.done")).toMatchObject([{ status: "completed", usage: null }]);
    connection.hear([server.said(" And")]);
    expect(connection.of("transcript").at(-1)?.delta).toBe("And");
    expect(orderFaults(connection.events)).toEqual([]);
  });

  test("[U282] is heard through real Opus: as long as it spoke, and as it sounded", () => {
    const { connection, server } = moshi({ codec: opus() });
    const voice = Int16Array.from(
      { length: 48_000 },
      (_, n) => 8000 * Math.sin(n * 0.04 + Math.sin(n * 0.001)),
    );
    const bytes = new Uint8Array(voice.buffer);
    for (let at = 0; at < bytes.length; at += 3840)
      connection.hear(server.audio(bytes.subarray(at, at + 3840)));
    connection.hear(quiet(server, 960));
    const heard = connection.audio();
    expect(connection.of("response.done")).toHaveLength(1);
    // What rings after a sound is a little of the pause.
    expect(heard.length).toBe(bytes.length + 880 * 48);
    expect(likeness(bytes, heard)).toBeGreaterThan(0.9);
  });

  test("[U282] letters that come as the bytes of their UTF-8 are letters, and what is none is replaced", () => {
    const { connection, server } = moshi();
    for (const piece of [" caf", "<0xC3>", "<0xA9>", " <0xZZ>", "<0xE2>", "<0x82>", "x", "<0x41>", "<0xFF>"])
      connection.hear([server.said(piece)]);
    // A byte of colour stands before the text of MoshiVis.
    connection.hear([kind(7, Uint8Array.of(3, 0x20, 0x79))]);
    const deltas = connection.of("transcript").map(({ delta }) => delta);
    expect(deltas.join("")).toBe("café <0xZZ>\ufffdxA\ufffd y");
  });

  test("[U282] threshold: what is below it is silence", () => {
    const { connection, server } = moshi({ settings: { restDbfs: -30 } });
    connection.hear(server.audio(new Uint8Array(new Int16Array(1920).fill(1000).buffer)));
    expect(connection.of("audio")).toEqual([]);
    connection.hear(server.audio(new Uint8Array(new Int16Array(1920).fill(1100).buffer)));
    expect(connection.of("audio")).toHaveLength(1);
  });

  test("[U282] a session in text gets its words and no sound", () => {
    const { connection, server } = moshi({ config: { modality: "text" } });
    connection.hear([...server.audio(sound(80)), server.said(" Good"), ...quiet(server, 880)]);
    expect(connection.of("text")).toMatchObject([{ delta: "Good" }]);
    expect(connection.of("audio")).toEqual([]);
    expect(connection.of("response.done")).toHaveLength(1);
  });

  test("[U284] takes no text, history or results: a client is told so by name, and nothing is sent", () => {
    const { connection, server } = moshi();
    const item = {
      id: "item_1",
      type: "message",
      role: "user",
      content: [{ type: "input_text", text: "Hi." }],
    };
    connection.send({ type: "item", item, previousItemId: null, cause: "evt_1" });
    connection.send({ type: "delete", itemId: "item_1" });
    connection.send({ type: "truncate", itemId: "item_1", contentIndex: 0, audioEndMs: 10 });
    connection.hear([kind(6)]);
    expect(connection.of("refused")).toMatchObject([
      { what: "item", id: "item_1", cause: "evt_1", error: { code: "unsupported" } },
    ]);
    expect(server.received).toEqual([]);
  });

  test("[U284] what a session asks for and it does not have is named, first and when it changes", () => {
    const tool = { type: "function", name: "book" };
    const { connection } = moshi({
      config: { instructions: "Be brief.", tools: [tool], speed: 1.2, voice: "cedar" },
    });
    const named = () => connection.of("unconfigured").at(-1)?.fields;
    expect(named()).toEqual(["instructions", "speed", "tools"]);
    const config = { ...SPOKEN, instructions: "Be brief.", tools: [tool], speed: 1.2, voice: "marin" };
    connection.send({ type: "configure", config: { ...config, maxOutputTokens: 5 }, cause: "evt_1" });
    expect(connection.upstream.unjudged).toBe(1);
    connection.hear([kind(6)]);
    expect(named()).toEqual(["voice", "maxOutputTokens"]);
    expect(connection.of("refused")).toMatchObject([{ what: "configure", cause: "evt_1" }]);
    // As the session goes on with: what was refused is what it was.
    connection.send({ type: "configure", config: { ...config, voice: "cedar", modality: "text" } });
    connection.hear([kind(6)]);
    expect(types(connection.events).slice(-4)).toEqual([
      "refused",
      "unconfigured",
      "configured",
      "configured",
    ]);
    expect(connection.upstream.unjudged).toBe(0);
  });

  test("[U284] what is cancelled is kept from the client until it pauses; an ask gets what is said next, or the rest", () => {
    const { connection, server } = moshi();
    connection.send(ask("R1"));
    connection.hear([...server.audio(sound(80)), server.said(" One")]);
    expect(connection.of("response.started")).toMatchObject([{ answers: "R1" }]);
    connection.send({ type: "cancel", responseId: "R1" });
    connection.hear([...server.audio(sound(160)), server.said(" two"), ...quiet(server, 320)]);
    expect(connection.of("response.done")).toMatchObject([{ status: "cancelled" }]);
    expect(connection.of("transcript")).toHaveLength(1);
    connection.hear([...server.audio(sound(80)), server.said(" Three")]);
    connection.send(ask("R2"));
    connection.hear([server.said(" four"), ...quiet(server, 880)]);
    expect(connection.of("response.started").map(({ answers }) => answers)).toEqual(["R1", null, "R2"]);
    expect(connection.of("transcript").map(({ delta }) => delta)).toEqual(["One", "Three", "four"]);
    expect(server.refused).toEqual([]);
    expect(orderFaults(connection.events)).toEqual([]);
  });

  test("[U288] its errors are why it does not begin, and afterwards are told; no key and no query is in them", () => {
    const { connection, server } = moshi({ free: false });
    const said = `no model for ${KEY.slice(7)} at wss://gpu.example/api/chat?text_prompt=secret`;
    connection.hear([kind(5, said)]);
    expect(connection.of("error")).toMatchObject([{ fatal: true, error: { code: "upstream_error" } }]);
    expect(JSON.stringify(connection.events)).not.toMatch(/sk-0123|text_prompt=secret/);
    connection.hear([server.handshake(), kind(5, "cuda is out of memory"), kind(5)]);
    expect(connection.of("error").slice(1)).toMatchObject([
      { fatal: false, error: { message: "cuda is out of memory" } },
      { fatal: false, error: { message: "The provider gave no reason." } },
    ]);
    const { upstream } = connection;
    expect(upstream.closed(1000, "")).toBeNull();
    expect(upstream.closed(1006, "")).toMatchObject({ code: "upstream_closed" });
    expect(upstream.closed(0, "HTTP 500")).toMatchObject({ code: "upstream_unavailable" });
    expect(upstream.closed(0, "HTTP 401")).toMatchObject({ code: "upstream_unauthorized" });
  });

  test("[U287] without its codec is refused by a sentence that says where it comes from, and so are wrong settings by name", () => {
    expect(() => createUpstream({ adapter: "moshi", url: "wss://x.example" })).toThrow(
      "adapter: 'moshi' needs Opus: codecs: { opus } in relay.config.ts",
    );
    for (const [settings, field] of [
      [{ server: "other" }, "settings.server"],
      [{ sampling: { temperature: 1 } }, "settings.sampling.temperature"],
      [{ sampling: { text_topk: "5" } }, "settings.sampling.text_topk"],
      [{ handshakeMs: 10 }, "settings.handshakeMs"],
      [{ restDbfs: 0 }, "settings.restDbfs"],
      [{ seed: 1 }, "settings.seed"],
    ] as const)
      expect(() => moshiUpstream({ settings })).toThrow(field);
    expect(() => moshiUpstream({ more: { url: "gpu" } })).toThrow("url:");
  });
});
