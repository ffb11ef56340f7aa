/** Calls of ten minutes and more in which nobody knows the words of what the caller said: its sound is the only memory. */
import { describe, expect, test } from "vitest";
import { CLIENT } from "../../src/session/io.ts";
import { DEFAULT_LIMITS } from "../../src/session/limits.ts";
import { Call, type CallOptions } from "../support/call.ts";
import { seeded, voice } from "../support/signal.ts";

const MANUAL = { audio: { input: { turn_detection: null } } };
const MINUTE_MS = 60_000;
const PIECE_MS = 100;
const PER_MS = 48;

function upstreamOf(maxSessionMs: number | null) {
  return [{ name: "wire", options: { adapter: "wire", settings: { maxSessionMs } } }];
}

/** No two are alike. */
function words(turn: number, ms: number): Uint8Array {
  const random = seeded(turn + 1);
  const samples = Int16Array.from({ length: ms * 24 }, () => (random() - 0.5) * 20_000);
  return new Uint8Array(samples.buffer);
}

/** A caller who speaks for `turnMs` of every round, and is answered. */
class Talk {
  readonly call: Call;
  readonly #turnMs: number;
  readonly said: Uint8Array[] = [];
  peer = "up0.1";
  onPassed: () => void = () => {};

  constructor(turnMs: number, options: CallOptions = {}) {
    this.#turnMs = turnMs;
    this.call = new Call({ session: MANUAL, ...options });
  }

  round(roundMs: number): void {
    const { call } = this;
    const turn = words(this.said.length, this.#turnMs);
    for (let at = 0; at < turn.length; at += PIECE_MS * PER_MS) {
      const audio = turn.subarray(at, at + PIECE_MS * PER_MS).toBase64();
      call.client({ type: "input_audio_buffer.append", audio });
      this.#pass(PIECE_MS);
    }
    call.client({ type: "input_audio_buffer.commit" });
    this.said.push(turn);
    call.client({ type: "response.create" });
    call.answer(voice(1000), "Yes.", this.peer);
    this.#pass(roundMs - this.#turnMs);
    // Nothing here is about what was sent: only the last connection is looked at.
    call.actions.length = 0;
    call.clearEvents();
  }

  #pass(ms: number): void {
    for (let at = 0; at < ms; at += PIECE_MS) {
      this.call.advance(PIECE_MS);
      this.onPassed();
    }
  }

  /** What a connection was told by its sound, turn after turn. */
  heardBy(peer: string): Uint8Array[] {
    const turns: Uint8Array[] = [];
    let pieces: Uint8Array[] = [];
    for (const command of this.call.commands(peer)) {
      if (command.type === "audio") pieces.push(Uint8Array.fromBase64(command.audio));
      if (command.type !== "commit") continue;
      turns.push(Buffer.concat(pieces));
      pieces = [];
    }
    return turns;
  }

  expectAllHeardBy(peer: string, from = 0): void {
    const heard = this.heardBy(peer);
    const said = this.said.slice(from);
    expect(heard).toHaveLength(said.length);
    for (const [n, turn] of said.entries())
      expect(Buffer.compare(turn, heard[n] ?? Buffer.of()), `turn ${n}`).toBe(0);
  }

  get errors(): string[] {
    return this.call.events.filter(({ type }) => type === "error").map((event) => JSON.stringify(event));
  }
}

describe("a long call without transcripts", () => {
  test("[L141] every connection that comes is told every turn, sample for sample: rolled over, lost, or with the object", () => {
    const talk = new Talk(4000, { upstreams: upstreamOf(11 * MINUTE_MS), dialect: "duplex.v1" });
    const { call } = talk;
    for (let ms = 0; ms < 10 * MINUTE_MS - 5000; ms += 10_000) talk.round(10_000);
    call.advance(5000);
    expect(call.open.has("up0.2")).toBe(true);
    call.accept("up0.2");
    call.advance(1000);
    expect(call.last("relay.upstream")).toMatchObject({ status: "ready", cause: "rollover" });
    talk.expectAllHeardBy("up0.2");

    call.input({ type: "close", peer: "up0.2", code: 1006, reason: "" });
    call.advance(500);
    call.accept("up0.3");
    talk.expectAllHeardBy("up0.3");

    const kept = call.session.snapshot();
    call.crash(kept);
    call.connect("duplex.v1");
    const [token = ""] = kept.delivery.tokens;
    call.client({ type: "session.resume", resume_token: token, last_received: kept.port.sequence });
    call.advance(2500);
    call.accept("up0.4");
    talk.expectAllHeardBy("up0.4");
    expect(talk.errors.join()).not.toContain("audio_lost");
    expect(call.types()).not.toContain("relay.audio_forgotten");
  });

  test("[L140] whose plan rolls over every few seconds is rolled over each time, however many that makes in a minute", () => {
    const upstreams = upstreamOf(null).map((each) => ({ ...each, rolloverMs: 4000 }));
    const talk = new Talk(600, { upstreams, dialect: "duplex.v1" });
    const { call } = talk;
    const causes: unknown[] = [];
    let coming: string | undefined;
    talk.onPassed = () => {
      coming ??= [...call.open].find((peer) => peer !== CLIENT && peer !== talk.peer);
      if (coming === undefined) return;
      if (call.commandTypes(coming)[0] !== "greet") call.accept(coming);
      if (call.open.has(talk.peer)) return;
      causes.push(call.last("relay.upstream")["cause"]);
      talk.peer = coming;
      talk.expectAllHeardBy(coming);
      coming = undefined;
    };
    for (let n = 0; n < 60; n += 1) talk.round(2200);
    expect(causes.length).toBeGreaterThan(30);
    expect(new Set(causes)).toEqual(new Set(["rollover"]));
  });
});

describe("what the caller said and nobody knows the words of", () => {
  const LIMITS = { archiveBytes: 6 * 32_768, wordlessBytes: 20 * 32_768 };

  /** Names of what was forgotten. */
  function forgotten(call: Call): unknown[] {
    return call.events.flatMap(({ type, item_id }) => (type === "relay.audio_forgotten" ? [item_id] : []));
  }

  function commit(call: Call, turn: number, ms: number): string {
    const said = words(turn, ms);
    for (let at = 0; at < said.length; at += PIECE_MS * PER_MS)
      call.client({
        type: "input_audio_buffer.append",
        audio: said.subarray(at, at + PIECE_MS * PER_MS).toBase64(),
      });
    call.client({ type: "input_audio_buffer.commit" });
    return String(call.last("input_audio_buffer.committed")["item_id"]);
  }

  const keptBytes = (call: Call): number =>
    call.session
      .snapshot()
      .conversation.audio.reduce(
        (sum, { audio }) => sum + audio.blocks.reduce((all, { length }) => all + length, 0),
        0,
      );

  test.each(["duplex.v1", "realtime"] as const)(
    "[E110] is kept up to its bound, the oldest goes whole and by name to a duplex.v1 client (%s)",
    (dialect) => {
      const call = new Call({ session: MANUAL, limits: LIMITS, dialect });
      const turns = Array.from({ length: 14 }, (_, n) => commit(call, n, 1000));
      expect(keptBytes(call)).toBeGreaterThan(LIMITS.wordlessBytes - 3 * 48_000);
      expect(keptBytes(call)).toBeLessThanOrEqual(LIMITS.wordlessBytes);
      const gone = call.session.snapshot().conversation.audio.length;
      expect(gone).toBeLessThan(turns.length);
      expect(forgotten(call)).toEqual(dialect === "duplex.v1" ? turns.slice(0, turns.length - gone) : []);
      expect(call.types()).not.toContain("error");
      // A connection that comes now knows that it does not know them.
      call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
      call.advance(500);
      expect(JSON.stringify(call.events.filter(({ type }) => type === "error"))).toContain(turns[0]);
    },
  );

  test("[E110] takes no more memory than it has samples, however short the turns are", () => {
    const call = new Call({ session: MANUAL, limits: LIMITS });
    for (let n = 0; n < 60; n += 1) commit(call, n, 150);
    expect(keptBytes(call)).toBe(60 * 150 * PER_MS);
    call.hibernate();
    expect(keptBytes(call)).toBe(60 * 150 * PER_MS);
  });

  test("[E111] whose words become known is kept as all other audio is, and told in words", () => {
    const call = new Call({ session: MANUAL, limits: LIMITS, dialect: "duplex.v1" });
    for (let n = 0; n < 12; n += 1) {
      const itemId = commit(call, n, 1000);
      call.upstream({ type: "input.transcript.completed", itemId, transcript: `Turn ${n}.`, usage: null });
      if (n === 6) call.hibernate();
    }
    expect(keptBytes(call)).toBeLessThanOrEqual(LIMITS.archiveBytes);
    expect(forgotten(call)).toEqual([]);
    call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    call.advance(500);
    call.accept("up0.2");
    expect(call.commands("up0.2").filter(({ type }) => type === "item")).toHaveLength(12);
    expect(call.commandTypes("up0.2")).not.toContain("audio");
  });

  test("[E110] of a connection that takes six times the bytes, it is told what it can keep until it is ready: the newest", () => {
    const session = { audio: { input: { turn_detection: null, format: { type: "audio/pcmu" } } } };
    const call = new Call({ session, limits: LIMITS });
    const names = Array.from({ length: 8 }, () => {
      for (let at = 0; at < 20; at += 1)
        call.client({
          type: "input_audio_buffer.append",
          audio: new Uint8Array(800).fill(at * 7).toBase64(),
        });
      call.client({ type: "input_audio_buffer.commit" });
      return String(call.last("input_audio_buffer.committed")["item_id"]);
    });
    expect(keptBytes(call)).toBe(8 * 16_000);
    call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
    call.advance(500);
    call.accept("up0.2");
    const told = call
      .commands("up0.2")
      .flatMap((command) => (command.type === "commit" ? [command.itemId] : []));
    expect(told).toEqual(names.slice(-Math.floor(LIMITS.wordlessBytes / (2000 * PER_MS))));
    const lost = JSON.stringify(call.events.filter(({ type }) => type === "error"));
    for (const name of names) expect(lost.includes(name)).toBe(!told.includes(name));
  });

  test("[E112] is kept as far as all sessions of one memory have room", () => {
    let share = 10 * 32_768;
    const members: { readonly bytes: number }[] = [];
    const audioPool = {
      join: (member: { readonly bytes: number }) => void members.push(member),
      share: () => share,
    };
    const call = new Call({ session: MANUAL, limits: LIMITS, audioPool });
    for (let n = 0; n < 10; n += 1) commit(call, n, 1000);
    expect(members).toHaveLength(1);
    expect(keptBytes(call)).toBeGreaterThan(LIMITS.archiveBytes);
    expect(keptBytes(call)).toBeLessThanOrEqual(share);
    share = DEFAULT_LIMITS.archiveBytes;
    for (let n = 0; n < 20; n += 1) commit(call, n, 1000);
    expect(keptBytes(call)).toBeGreaterThan(10 * 32_768);
    expect(members[0]?.bytes).toBeGreaterThanOrEqual(keptBytes(call));
  });
});
