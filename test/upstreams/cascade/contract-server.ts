/** The stages of a cascade as the contract suite leads a server. */
import * as fc from "fast-check";
import type { Command, JsonObject, UpstreamOptions, WireMessage } from "../../../src/upstreams/upstream.ts";
import { createUpstream } from "../../../src/upstreams/index.ts";
import type { ContractServer, ContractSubject } from "../contract.ts";
import { came, OverChannels } from "./over-channels.ts";
import {
  CASCADE,
  called,
  chunk,
  closed,
  data,
  DONE,
  head,
  ScriptedStages,
  spoken,
  waited,
  written,
} from "./scripted-stages.ts";
import * as workersAi from "./workers-ai-wire.ts";
import { WORKERS_AI } from "./workers-ai-wire.ts";

const event = (members: JsonObject): string => `data: ${JSON.stringify(members)}\n\n`;
const stage = fc.constantFrom("text", "speech", "other");
const pieces = fc.oneof(
  fc.string(),
  fc.constantFrom(
    DONE,
    "data: {}\n\n",
    "data: [1]\n\n",
    "data: {",
    ": ping\n\n",
    'data: {"error":{"code":"x"}}\n\n',
  ),
  fc.string().map((content) => chunk({ content })),
  fc.record({ response: fc.oneof(fc.string(), fc.nat(), fc.constant(null)) }).map(event),
  fc.record({ tool_calls: fc.array(fc.record({ name: fc.string(), arguments: fc.json() })) }).map(event),
  fc.constantFrom("RIFF", "WAVEfmt ", "data"),
  fc.string().map((content) => chunk({ content }, "length")),
  fc.json().map((value) => `data: ${value}\n\n`),
  fc
    .record({
      index: fc.oneof(fc.nat(3), fc.constant(-1)),
      id: fc.constantFrom("c1", ""),
      name: fc.constantFrom("f", ""),
    })
    .map(({ index, id, name }) =>
      chunk({ tool_calls: [{ index, id, function: { name, arguments: "{" } }] }, "tool_calls"),
    ),
);
const types = fc.constantFrom(
  "text/event-stream",
  "audio/mpeg",
  "audio/pcm",
  "application/json",
  "text/html",
  "",
);

/** Whatever may come of a stage, in any order, and what a transcriber says. */
const hostile: fc.Arbitrary<string> = fc.oneof(
  fc
    .record({ stage, head: fc.record({ status: fc.constantFrom(200, 401, 429, 503), type: types }) })
    .map(came),
  fc.tuple(stage, pieces).map(([name, piece]) => data(name, piece)),
  fc.tuple(stage, fc.uint8Array({ maxLength: 9 })).map(([name, bytes]) => data(name, bytes)),
  fc.tuple(stage, fc.constantFrom(0, 1000, 1006, 1009)).map(([name, code]) => closed(name, code)),
  fc.constantFrom(waited("words"), waited("owed"), waited("?")),
  fc
    .record({
      type: fc.constantFrom("TurnInfo", "Connected_", "?"),
      event: fc.constantFrom("Update", "EndOfTurn"),
      turn_index: fc.nat(3),
      transcript: fc.string(),
    })
    .map((event) => JSON.stringify(event)),
);

/** How its endpoints say the same. */
export type Wire = Readonly<{
  written: typeof written;
  called: typeof called;
  spoken: typeof spoken;
}>;

class CascadeContractServer extends ScriptedStages implements ContractServer {
  readonly complain = null;
  readonly novelty = '{"type":"Telepathy","thought":"?"}';
  readonly hostile = hostile;
  readonly #given: () => number;
  readonly #wire: Wire;

  /** @param given how many bytes of the caller's the adapter was given: what is beyond them is silence that it made. */
  constructor(given: () => number, wire: Wire) {
    super();
    this.#given = given;
    this.#wire = wire;
  }

  answer = (sizes: readonly number[]): WireMessage[] => {
    const sound = Uint8Array.from(this.heard.slice(0, this.#given()));
    return [
      ...this.words("Good day."),
      ...this.#wire.written("Good ", "day."),
      ...this.#wire.spoken(sound, sizes),
    ];
  };

  begin = (): { response: string; messages: readonly WireMessage[] } => ({
    response: "answer_1",
    messages: this.#wire.written("Good ", "day.").slice(0, -1),
  });

  endCancelled = (): WireMessage[] => [waited("owed")];

  callTool = (name: string, callId: string, args: string): WireMessage[] => [
    ...this.#wire.called(name, callId, args),
  ];

  flood(n: number): readonly WireMessage[] {
    const answer = [
      ...this.#wire.written(`No. ${n} is said. `, "x".repeat(100)),
      ...this.#wire.spoken(new Uint8Array(100)),
    ];
    return n % 3 === 0
      ? answer.slice(0, 3)
      : [...this.words("x".repeat(100)), ...answer, head("text", 500, "")];
  }

  truncations(): null {
    return null;
  }
}

/** Bytes of the caller's that the adapter under test was given since its server began. */
let given = 0;

class Counted extends OverChannels {
  override encode(command: Command): readonly WireMessage[] {
    if (command.type === "audio") given += command.chunk.bytes.length;
    return super.encode(command);
  }
}

function subject(name: string, options: UpstreamOptions, wire: Wire): ContractSubject {
  return {
    name,
    create: () => new Counted(createUpstream(options)),
    server: () => {
      given = 0;
      return new CascadeContractServer(() => given, wire);
    },
  };
}

export const cascades: readonly ContractSubject[] = [
  subject("cascade", CASCADE, { written, called, spoken }),
  subject("cascade (Workers AI)", WORKERS_AI, workersAi),
];
