/**
 * What every adapter must do, whatever it talks to. A new adapter passes this suite with a scripted server of
 * its own and is then an upstream like the others.
 */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { bytesPerSample } from "../../src/audio/format.ts";
import type { Command, Upstream, UpstreamEvent, WireMessage } from "../../src/upstreams/upstream.ts";
import { chunk, Connection, orderFaults, type ScriptedServer } from "./connection.ts";

/** A server that can be led through the situations of the suite. */
export interface ContractServer extends ScriptedServer {
  /** Plays what it heard since the last turn as an answer, cut into pieces of these sizes; null: by itself. */
  answer: ((sizes: readonly number[]) => readonly WireMessage[]) | null;
  /** Begins the oldest answer that was asked for, without ending it; returns its key and messages. */
  begin: (() => { response: string; messages: readonly WireMessage[] }) | null;
  /** Ends an answer that was cancelled. */
  endCancelled: ((response: string) => readonly WireMessage[]) | null;
  /** A tool call as a whole answer. */
  callTool: ((name: string, callId: string, args: string) => readonly WireMessage[]) | null;
  /** An error about nothing in particular. */
  complain: ((code: string) => string) | null;
  /** A message of a type that does not exist yet. */
  novelty: WireMessage | null;
  /** Messages of one more turn and answer, in names of its own; some never end. */
  flood(n: number): readonly WireMessage[];
  /** Well-formed messages with arbitrary identifiers, in arbitrary order. */
  hostile: fc.Arbitrary<WireMessage>;
  /** What a truncation at the provider looked like: audio_end_ms of each; null: its history is not the provider's. */
  truncations(): readonly number[] | null;
}

export interface ContractSubject {
  readonly name: string;
  /** To whoever takes the turns, and is told sound in bytes, any bytes are sound. */
  readonly bytesAreSound?: boolean;
  create(): Upstream;
  server(): ContractServer;
}

/** Neither of the answer's frame nor its sound. */
const BESIDE: ReadonlySet<UpstreamEvent["type"]> = new Set(["transcript", "reply"]);
const RESPOND = { params: {}, outOfBand: false } as const;
/** What an answer is asked for: some providers answer nothing else. */
const HELLO: Command = {
  type: "item",
  item: {
    id: "item_hello",
    type: "message",
    role: "user",
    content: [{ type: "input_text", text: "Hello." }],
  },
  previousItemId: null,
};
/** Snapshots stay below this whatever a provider sends: the proof that what an adapter remembers is bounded. */
const MAX_REMEMBERED_CHARS = 1_000_000;

/** One of each command that an adapter may have to keep in mind. */
function demands(n: number): readonly Command[] {
  const content = [{ type: "input_text", text: "Hi." }];
  const item = { id: `item_${n}`, type: "message", role: "user", content };
  const asked: Command = { type: "respond", responseId: `R${n}`, options: RESPOND };
  return [
    asked,
    { type: "commit", itemId: `turn_${n}` },
    { type: "delete", itemId: `turn_${n}` },
    { type: "item", item, previousItemId: `turn_${n - 1}` },
    ...(n % 2 === 0 ? [{ type: "cancel", responseId: `R${n}` } as const] : []),
  ];
}

const audioBytes = (length: number) => Uint8Array.from({ length }, (_, n) => (n * 31 + (n >> 8)) & 0xff);

export function runContract(subject: ContractSubject): void {
  const connect = (): { connection: Connection; server: ContractServer } => {
    const server = subject.server();
    return { connection: new Connection(subject.create(), server), server };
  };

  describe(`${subject.name} keeps the contract of an upstream`, () => {
    it("[U3] is ready once, when the provider took its configuration", () => {
      const { connection } = connect();
      expect(connection.of("ready")).toHaveLength(1);
      expect(connection.events.at(-1)?.type).toBe("ready");
    });

    it("[U6] hands audio on byte by byte in both directions, however it is cut", () => {
      fc.assert(
        fc.property(
          fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
          fc.array(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 8 }),
          (frames, pieces) => {
            const { connection, server } = connect();
            const size = bytesPerSample(connection.upstream.capabilities.input);
            const said = audioBytes(size * 400);
            for (let at = 0, n = 0; at < said.length; n++) {
              const length = (frames[n % frames.length] ?? 1) * size;
              connection.send({ type: "audio", chunk: chunk(said.subarray(at, at + length)) });
              at += length;
            }
            if (server.answer !== null) {
              connection.send({ type: "commit", itemId: "item_turn" });
              connection.send({ type: "respond", responseId: "R1", options: RESPOND });
              connection.hear(server.answer(pieces));
            }
            expect(connection.audio()).toEqual(said);
            for (const { bytes } of connection.of("audio")) expect(bytes.length % size).toBe(0);
            expect(orderFaults(connection.events)).toEqual([]);
          },
        ),
        { numRuns: 20 },
      );
    });

    it("[U14] survives any text and bytes, and works afterwards", () => {
      fc.assert(
        fc.property(
          fc.array(fc.oneof(fc.string(), fc.json(), fc.uint8Array()), { maxLength: 30 }),
          (garbage) => {
            const server = subject.server();
            const isText = subject.bytesAreSound ?? subject.create().request().url.startsWith("loop:");
            const connection = new Connection(subject.create(), server);
            connection.hear(isText ? garbage.filter((message) => typeof message === "string") : garbage);
            for (const { fatal } of connection.of("error")) expect(fatal).toBe(false);
            const said = audioBytes(40);
            connection.send({ type: "audio", chunk: chunk(said) });
            if (server.answer !== null) {
              connection.send({ type: "commit", itemId: "item_turn" });
              connection.send({ type: "respond", responseId: "R1", options: RESPOND });
              connection.hear(server.answer([7]));
            }
            expect(connection.audio()).toEqual(said);
          },
        ),
        { numRuns: 60 },
      );
    });

    it("[U14] says so when a message is no message, and makes nothing of types it does not know", () => {
      const { connection, server } = connect();
      const before = connection.events.length;
      connection.hear(["{", "[]", "null", '"text"', "{}"]);
      const told = connection.events.slice(before);
      expect(told.map((event) => event.type === "error" && event.error.code)).toEqual(
        Array.from({ length: 5 }, () => "upstream_protocol_error"),
      );
      if (server.novelty === null) return;
      const passed = connection.hear([server.novelty]).map(({ type }) => type);
      expect(passed.filter((type) => type !== "passed")).toEqual([]);
    });

    it("[U13] keeps the promised order whatever well-formed messages come", () => {
      const { hostile } = subject.server();
      fc.assert(
        fc.property(fc.array(hostile, { maxLength: 80 }), fc.boolean(), (messages, asks) => {
          const { connection } = connect();
          if (asks) connection.send({ type: "respond", responseId: "R1", options: RESPOND });
          connection.hear(messages);
          expect(orderFaults(connection.events)).toEqual([]);
        }),
        { numRuns: 100 },
      );
    });

    it("[U15] remembers a bounded amount, whatever is sent to it", () => {
      const { connection, server } = connect();
      const { upstream } = connection;
      const remembered = (): number => JSON.stringify(upstream.snapshot()).length;
      const flood = (from: number, to: number): number => {
        for (let n = from; n < to; n++) {
          for (const message of server.flood(n)) upstream.decode(message);
          upstream.encode({ type: "commit", itemId: `turn_${n}` });
        }
        return remembered();
      };
      const demand = (from: number, to: number): number => {
        for (let n = from; n < to; n++) {
          for (const command of demands(n)) upstream.encode(command);
        }
        return remembered();
      };
      // Numbers of four digits, so that a full memory does not grow by longer names.
      const full = flood(1000, 3000);
      expect(flood(3000, 5000)).toBeLessThanOrEqual(full * 1.02);
      const demanded = demand(5000, 5500);
      expect(demand(5500, 6000)).toBeLessThanOrEqual(demanded * 1.02);
      expect(demanded).toBeLessThan(MAX_REMEMBERED_CHARS);
    });

    it("[U21] goes on from a snapshot as if nothing had happened", () => {
      const { connection, server } = connect();
      const moved = (): void => {
        const snapshot = JSON.parse(JSON.stringify(connection.upstream.snapshot()));
        connection.upstream = subject.create();
        connection.upstream.restore(snapshot);
      };
      const said = audioBytes(96);
      moved();
      connection.send({ type: "audio", chunk: chunk(said.subarray(0, 48)) });
      moved();
      connection.send({ type: "audio", chunk: chunk(said.subarray(48)) });
      if (server.answer !== null) {
        connection.send({ type: "commit", itemId: "item_turn" });
        moved();
        connection.send({ type: "respond", responseId: "R1", options: RESPOND });
        for (const message of server.answer([7])) {
          moved();
          connection.hear([message]);
        }
      }
      expect(connection.audio()).toEqual(said);
      expect(connection.of("ready")).toHaveLength(1);
      expect(orderFaults(connection.events)).toEqual([]);
    });

    it("[U21] says the same after a snapshot before every message, whatever comes", () => {
      const { hostile } = subject.server();
      const play = (messages: readonly WireMessage[], restarts: boolean): readonly unknown[] => {
        const { connection } = connect();
        for (const [n, message] of messages.entries()) {
          const [command] = demands(n % 5);
          if (command !== undefined && n % 3 === 0) connection.send(command);
          if (n % 7 === 0) connection.send({ type: "cancel", responseId: `R${n % 5}` });
          if (restarts) {
            const snapshot = JSON.parse(JSON.stringify(connection.upstream.snapshot()));
            connection.upstream = subject.create();
            connection.upstream.restore(snapshot);
          }
          connection.hear([message]);
        }
        return connection.events;
      };
      fc.assert(
        fc.property(fc.array(hostile, { maxLength: 60 }), (messages) => {
          expect(play(messages, true)).toEqual(play(messages, false));
        }),
        { numRuns: 60 },
      );
    });

    turnContract(subject, connect);
  });
}

/** For upstreams that take turns; an upstream without them is not led there. */
function turnContract(
  subject: ContractSubject,
  connect: () => { connection: Connection; server: ContractServer },
): void {
  const { capabilities } = subject.create();
  if (capabilities.turns === "none") return;

  it("[U7] answers what it was asked: began, item, audio, item done, done", () => {
    const { connection, server } = connect();
    connection.send({ type: "audio", chunk: chunk(audioBytes(64)) });
    connection.send({ type: "commit", itemId: "item_turn" });
    connection.send({ type: "respond", responseId: "R1", options: RESPOND });
    const events = connection.hear(server.answer?.([64]) ?? []);
    const types = events.map(({ type }) => type).filter((type) => !BESIDE.has(type));
    expect(types).toEqual(["response.started", "item.started", "audio", "item.done", "response.done"]);
    expect(connection.of("response.started")[0]?.answers).toBe("R1");
    expect(connection.of("response.done")[0]).toMatchObject({ status: "completed", error: null });
  });

  it("[U13] drops what comes after the end of an answer", () => {
    const { connection, server } = connect();
    connection.send({ type: "audio", chunk: chunk(audioBytes(64)) });
    connection.send({ type: "commit", itemId: "item_turn" });
    connection.send({ type: "respond", responseId: "R1", options: RESPOND });
    const messages = server.answer?.([16]) ?? [];
    connection.hear(messages);
    const again = connection.hear(messages);
    // Where the provider takes the turns and names no answer, the same once more is one that it began by itself.
    if (capabilities.turns === "client") expect(again).toEqual([]);
    else expect(orderFaults(connection.events)).toEqual([]);
  });

  if (capabilities.cancel) {
    it("[U9] cancels the answer it was told to, once", () => {
      const { connection, server } = connect();
      connection.send(HELLO);
      connection.send({ type: "respond", responseId: "R1", options: RESPOND });
      const begun = server.begin?.();
      connection.hear(begun?.messages ?? []);
      connection.send({ type: "cancel", responseId: "R1" });
      connection.hear(server.endCancelled?.(begun?.response ?? "") ?? []);
      connection.send({ type: "cancel", responseId: "R1" });
      expect(connection.of("response.done")).toMatchObject([{ status: "cancelled" }]);
    });
  }

  if (capabilities.truncate) {
    it("[U11] truncates to what was heard, never past what was sent", () => {
      const { connection, server } = connect();
      connection.send({ type: "audio", chunk: chunk(audioBytes(4800)) });
      connection.send({ type: "commit", itemId: "item_turn" });
      connection.send({ type: "respond", responseId: "R1", options: RESPOND });
      connection.hear(server.answer?.([960]) ?? []);
      const itemId = connection.of("item.started")[0]?.item ?? "";
      connection.send({ type: "truncate", itemId, contentIndex: 0, audioEndMs: 40.7 });
      connection.send({ type: "truncate", itemId, contentIndex: 0, audioEndMs: 5000 });
      const truncations = server.truncations();
      if (truncations !== null) expect(truncations).toEqual([40, 100]);
    });
  }

  if (capabilities.tools) {
    it("[U12] tells a tool call with name, call id and all its arguments", () => {
      const { connection, server } = connect();
      connection.send(HELLO);
      connection.send({ type: "respond", responseId: "R1", options: RESPOND });
      connection.hear(server.callTool?.("get_time", "call_1", '{"zone":"UTC"}') ?? []);
      expect(connection.of("item.started")).toMatchObject([
        { kind: "function_call", name: "get_time", callId: "call_1" },
      ]);
      const deltas = connection.of("arguments").map(({ delta }) => delta);
      expect(["", '{"zone":"UTC"}']).toContain(deltas.join(""));
      expect(connection.of("item.done")).toMatchObject([{ arguments: '{"zone":"UTC"}' }]);
      expect(orderFaults(connection.events)).toEqual([]);
    });
  }

  it("[U16] passes an error of the provider on and goes on", () => {
    const { connection, server } = connect();
    if (server.complain === null) return;
    connection.hear([server.complain("rate_limit_exceeded")]);
    expect(connection.of("error")).toMatchObject([{ error: { code: "rate_limit_exceeded" }, fatal: false }]);
    connection.send({ type: "audio", chunk: chunk(audioBytes(64)) });
    connection.send({ type: "commit", itemId: "item_turn" });
    connection.send({ type: "respond", responseId: "R1", options: RESPOND });
    connection.hear(server.answer?.([64]) ?? []);
    expect(connection.of("response.done")).toMatchObject([{ status: "completed" }]);
  });
}
