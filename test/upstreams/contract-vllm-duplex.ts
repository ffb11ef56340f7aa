/** vLLM-Omni's duplex sessions in the contract suite: what they are led through, and what they may be sent. */
import * as fc from "fast-check";

import { createUpstream } from "../../src/upstreams/index.ts";
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import type { ContractServer, ContractSubject } from "./contract.ts";
import { ScriptedVllmDuplex } from "./scripted-vllm-duplex.ts";

const names = fc.constantFrom("a_1", "b_1", "item_a_1", "voice", "");
const words = fc.oneof(fc.constantFrom("AQID", "A", "delta", "{}", "completed", "cancelled"), fc.string());
const someOf = <T>(model: Record<string, fc.Arbitrary<T>>) => fc.record(model, { requiredKeys: [] });
const item = someOf<unknown>({
  id: names,
  type: fc.constantFrom("message", "function_call", "mcp_call"),
  role: fc.constantFrom("assistant", "user"),
  name: names,
  call_id: names,
  status: words,
  arguments: fc.oneof(words, fc.json(), fc.integer()),
});

/** Every event there is, with members that are there or not, of the right type or not; what ends a session is not among them. */
const hostile: fc.Arbitrary<string> = fc
  .record(
    {
      type: fc.constantFrom(
        "session.created",
        "session.updated",
        "session.resumed",
        "session.resync_required",
        "response.created",
        "response.speak",
        "response.listen",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_audio.delta",
        "response.output_audio_transcript.delta",
        "response.output_text.delta",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.done",
        "conversation.item.added",
        "input_audio_buffer.committed",
        "overlap.decision",
        "playback.acknowledged",
        "error",
      ),
      response_id: fc.oneof(names, fc.integer()),
      item_id: fc.oneof(names, fc.integer()),
      server_event_seq: fc.oneof(fc.nat(200), fc.constantFrom(-1, "3", null, 1e300)),
      sample_rate_hz: fc.constantFrom(24_000, 16_000, 7, "x", null),
      format: fc.constantFrom("pcm16", "wav", null),
      delta: fc.oneof(words, fc.integer()),
      arguments: fc.oneof(words, fc.constant('{"a":1}')),
      resume_token: names,
      item: fc.oneof(words, item),
      response: fc.oneof(
        words,
        someOf<unknown>({ id: names, status: words, status_details: someOf({ reason: words }) }),
      ),
      session: fc.oneof(
        words,
        someOf<unknown>({ id: names, capabilities: fc.oneof(words, someOf({ x: words })) }),
      ),
      error: fc.oneof(
        words,
        someOf<unknown>({
          code: fc.constantFrom("input_audio_buffer_empty", "response_not_active", "bad_event"),
          message: words,
          event_id: fc.constantFrom(null, "relay_respond_1", "relay_item_2", "relay_cancel_3"),
        }),
      ),
    },
    { requiredKeys: ["type"] },
  )
  .map((event) => JSON.stringify(event));

class VllmDuplexContractServer extends ScriptedVllmDuplex implements ContractServer {
  readonly novelty = '{"type":"session.telepathy.delta","delta":"?"}';
  readonly hostile = hostile;
  readonly begin = null;
  readonly endCancelled = null;
  readonly callTool = null;
  #numbered = 0;

  answer = (sizes: readonly number[]): WireMessage[] => {
    const heard = Uint8Array.from(this.open.heard.splice(0));
    return this.answers(`resp_${(this.#numbered += 1)}`, heard, sizes, "What you said.");
  };

  complain = (code: string): string => this.error(code);

  flood(n: number): WireMessage[] {
    const long = `${"x".repeat(100)}_${n}`;
    this.session ??= this.sessions.get("sess_1") ?? null;
    // The adapter that is flooded is not the one that this server opened, and hears no repetitions.
    const messages = [
      ...this.begins(long),
      ...this.unit(long, new Uint8Array(3).fill(0x21), long),
      ...this.calls(long, `call_${long}`, "{}"),
      ...(n % 5 === 0 ? [] : this.ends(long)),
    ];
    this.sent.splice(0);
    this.open.journal = [];
    return messages;
  }

  truncations(): null {
    return null;
  }
}

export const vllmDuplex: ContractSubject = {
  name: "vllm-omni-duplex",
  create: () =>
    createUpstream({
      adapter: "vllm-omni-duplex",
      url: "wss://provider.example/v1/realtime",
      model: "MiniCPM-o-4_5",
    }),
  server: () => new VllmDuplexContractServer(),
};
