/** A Moshi server in the contract suite, with a codec that loses nothing: what it is led through, and what it may be sent. */
import * as fc from "fast-check";

import { createUpstream } from "../../src/upstreams/index.ts";
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import { kind, oggPage, opusHead, opusTags } from "../support/ogg.ts";
import { plain } from "../support/opus.ts";
import type { ContractServer, ContractSubject } from "./contract.ts";
import { ScriptedMoshi } from "./scripted-moshi.ts";

const packet = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.constantFrom(opusHead(), opusHead(0), opusTags(), new Uint8Array(700).fill(0x21), new Uint8Array(5000)),
);
const page = fc
  .record({
    flags: fc.constantFrom(0, 0, 0, 1, 2, 3, 4),
    serial: fc.constantFrom(42, 42, 42, 7),
    packets: fc.array(packet, { maxLength: 4 }),
    open: fc.boolean(),
    version: fc.constantFrom(0, 0, 0, 0, 1),
    wrong: fc.constantFrom(0, 0, 0, 0, 1),
    from: fc.constantFrom(0, 0, 0, 1, 30),
    to: fc.constantFrom(0, 0, 0, -1, -20),
  })
  .map(({ from, to, ...parts }) => {
    const whole = oggPage(parts);
    return kind(1, whole.subarray(from, whole.length + to));
  });
const words = fc.oneof(fc.constantFrom(" the", "<0xE2>", "<0x82>", "<0xAC>", "<0xZZ>", ""), fc.string());

/** Every kind of message there is; what ends a conversation is not among them. */
const hostile: fc.Arbitrary<WireMessage> = fc.oneof(
  { weight: 4, arbitrary: page },
  { weight: 2, arbitrary: words.map((text) => kind(2, text)) },
  fc.uint8Array({ maxLength: 60 }).map((bytes) => kind(1, bytes)),
  fc.uint8Array({ maxLength: 9 }).map((bytes) => kind(0, bytes)),
  fc.tuple(fc.constantFrom(2, 3, 4, 5, 6, 7, 200), fc.uint8Array()).map(([first, rest]) => kind(first, rest)),
  fc.string(),
);

/** 0.9 s, made once: nobody looks at the numbers of its pages. */
const PAUSE = new ScriptedMoshi(plain()).audio(new Uint8Array(900 * 48), [1e9], 9600);

class MoshiContractServer extends ScriptedMoshi implements ContractServer {
  readonly novelty = kind(9, "telepathy");
  readonly hostile = hostile;
  readonly begin = null;
  readonly endCancelled = null;
  readonly callTool = null;
  readonly complain = null;

  constructor() {
    super(plain(1));
  }

  answer = (sizes: readonly number[]): WireMessage[] => [
    ...this.audio(Uint8Array.from(this.heard.splice(0)), sizes, 120),
    this.said(" What you said."),
  ];

  flood(n: number): WireMessage[] {
    const long = "x".repeat(100);
    return [...this.audio(new Uint8Array(4).fill(0x21)), this.said(long), ...(n % 5 === 0 ? [] : PAUSE)];
  }

  truncations(): null {
    return null;
  }
}

export const moshi: ContractSubject = {
  name: "moshi",
  create: () => createUpstream({ adapter: "moshi", url: "wss://provider.example" }, { opus: () => plain(1) }),
  server: () => new MoshiContractServer(),
};
