/** OpenAI's Live API in the contract suite: what it is led through, and what it may be sent. */
import * as fc from "fast-check";

import { createUpstream } from "../../src/upstreams/index.ts";
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import type { ContractServer, ContractSubject } from "./contract.ts";
import { ScriptedLive } from "./scripted-live.ts";

const names = fc.constantFrom("a_1", "b_1", "voice", "");
const loud = new Uint8Array(40).fill(0x21).toBase64();
const words = fc.oneof(fc.constantFrom("AQID", "A", "delta", "{}", loud), fc.string());
const ms = fc.oneof(fc.nat(9000), fc.constantFrom(-1, 1e300, "3", null));
const someOf = <T>(model: Record<string, fc.Arbitrary<T>>) => fc.record(model, { requiredKeys: [] });
const nested = fc.record(
  {
    type: fc.constantFrom("response.output_item.done", "response.completed", "response.failed", "x"),
    item: fc.oneof(
      words,
      someOf({
        type: fc.constantFrom("function_call", "message"),
        name: names,
        call_id: names,
        arguments: words,
      }),
    ),
    response: fc.oneof(
      words,
      fc.record({
        usage: fc.oneof(words, fc.dictionary(fc.constantFrom("input_tokens", "total_tokens"), ms)),
        error: fc.oneof(words, someOf({ code: words, message: words })),
      }),
    ),
  },
  { requiredKeys: [] },
);

/** Every event there is, with members that are there or not, of the right type or not; what ends a session is not among them. */
const hostile: fc.Arbitrary<string> = fc
  .record(
    {
      type: fc.constantFrom(
        "session.started",
        "session.output_audio.delta",
        "session.output_transcript.delta",
        "session.input_transcript.delta",
        "session.delegation.created",
        "session.usage.updated",
        "session.commentary.appended",
        "response.event",
        "decision.event",
        "session.output_audio.fixture.played",
        "transport.dtmf.received",
        "error",
      ),
      delta: fc.oneof(words, fc.constant(new Uint8Array(48_000).toBase64()), fc.integer()),
      start_ms: ms,
      end_ms: ms,
      delegation: fc.oneof(
        words,
        someOf({ id: names, target: fc.constantFrom("client", "responses"), type: words }),
      ),
      event: fc.oneof(words, nested),
      usage: fc.oneof(words, fc.record({ seconds: ms })),
      session: fc.oneof(words, someOf({ audio: words, id: names })),
      error: fc.oneof(words, someOf({ code: words, message: words, client_event_id: names })),
    },
    { requiredKeys: ["type"] },
  )
  .map((event) => JSON.stringify(event));

const PAUSE: readonly string[] = new ScriptedLive().silence(900);

class LiveContractServer extends ScriptedLive implements ContractServer {
  readonly novelty = '{"type":"session.telepathy.delta","delta":"?"}';
  readonly hostile = hostile;
  readonly begin = null;
  readonly endCancelled = null;
  readonly callTool = null;

  answer = (sizes: readonly number[]): WireMessage[] => [
    ...this.audio(Uint8Array.from(this.heard.splice(0)), sizes),
    this.said("What you said."),
  ];

  complain = (code: string): string => this.error(code);

  flood(n: number): WireMessage[] {
    const long = "x".repeat(100);
    return [
      this.understood(long, n * 5000),
      ...this.audio(new Uint8Array(3).fill(0x21), [3]),
      this.said(long),
      this.delegates(`${long}_${n}`),
      ...(n % 5 === 0 ? [] : PAUSE),
    ];
  }

  truncations(): null {
    return null;
  }
}

export const live: ContractSubject = {
  name: "openai-live",
  create: () => createUpstream({ adapter: "openai-live", url: "wss://provider.example/live" }),
  server: () => new LiveContractServer(),
};
