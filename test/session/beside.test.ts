/** Answers that a connection begins before it serves: a provider that answers what it is only told. */
import { describe, expect, test } from "vitest";

import { DONE } from "../support/answering.ts";
import { Call, WIRE } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const USAGE = { total_tokens: 30, input_tokens: 10, output_tokens: 20 };
const PRICE = {
  inputTokensPerMillion: 1e6,
  outputTokensPerMillion: 1e6,
  outputAudioPerMinute: 60,
  transcriptInputTokensPerMillion: 1e6,
  transcriptOutputTokensPerMillion: 1e6,
};
const SPOKEN = concat(voice(1200), silence(900));
const SUCCESSOR = "up0.2";

/** A successor is ready, and waits for the end of the caller's turn. */
function waiting(): Call {
  const settings = { maxSessionMs: 20_000 };
  const upstreams = [{ ...WIRE, options: { adapter: "wire", settings }, prices: [PRICE] }];
  const call = new Call({ upstreams, dialect: "duplex.v1" });
  call.advance(14_500);
  call.speak(SPOKEN.subarray(0, 24 * 1200));
  call.accept(SUCCESSOR);
  expect(call.open.has("up0.1")).toBe(true);
  return call;
}

function begins(call: Call): void {
  call.upstream({ type: "response.started", response: "told", answers: null }, SUCCESSOR);
}

function speaks(call: Call): void {
  call.upstream({ type: "item.started", response: "told", item: "nobodys", kind: "message" }, SUCCESSOR);
  const audio = new Uint8Array(voice(1000).buffer).toBase64();
  call.upstream({ type: "audio", response: "told", item: "nobodys", audio }, SUCCESSOR);
}

function ends(call: Call): void {
  call.upstream({ type: "item.done", response: "told", item: "nobodys", status: "completed" }, SUCCESSOR);
  call.upstream(
    { type: "response.done", response: "told", status: "completed", ...DONE, usage: USAGE },
    SUCCESSOR,
  );
}

/** The turn is answered, and the successor serves. */
function serves(call: Call): void {
  call.speak(SPOKEN.subarray(24 * 1200));
  call.answer(voice(100), "Yes.");
  call.advance(2000);
  expect(call.open.has("up0.1")).toBe(false);
}

const ORDERS = [
  [
    "it began and spoke, and serves then",
    (call: Call) => (begins(call), speaks(call), serves(call), ends(call)),
  ],
  [
    "it began, and serves when it speaks",
    (call: Call) => (begins(call), serves(call), speaks(call), ends(call)),
  ],
  ["it ended before it serves", (call: Call) => (begins(call), speaks(call), ends(call), serves(call))],
] as const;

describe("an answer that begins at a connection which does not serve yet", () => {
  test.each(ORDERS)("[R101] is counted once, and forgotten where it was made: %s", (_, happens) => {
    const call = waiting();
    happens(call);
    expect(call.session.state().usage).toMatchObject(USAGE);
    // Ten tokens in and twenty out, and a second of sound beside the tenth that was heard.
    expect(call.session.state()).toMatchObject({ cost: { cost: expect.closeTo(31.1, 6) } });
    const deleted = call.commands(SUCCESSOR).filter(({ type }) => type === "delete");
    expect(deleted).toEqual([{ type: "delete", itemId: "nobodys" }]);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
    expect(JSON.stringify(call.events)).not.toContain("nobodys");
  });

  test("[R101] what it costs to write down a turn that it is told again is counted", () => {
    const call = waiting();
    const usage = { type: "tokens", ...USAGE };
    const words = {
      type: "input.transcript.completed",
      itemId: "told",
      transcript: "Hello.",
      usage,
    } as const;
    call.upstream(words, SUCCESSOR);
    expect(call.session.state()).toMatchObject({ usage: USAGE, cost: { cost: 30 } });
    expect(call.types()).not.toContain("conversation.item.input_audio_transcription.completed");
  });

  test("[R101] is counted when the connection goes without having served", () => {
    const call = waiting();
    begins(call);
    speaks(call);
    call.open.delete(SUCCESSOR);
    call.input({ type: "close", peer: SUCCESSOR, code: 1006, reason: "" });
    expect(call.session.state()).toMatchObject({ cost: { cost: expect.closeTo(1, 6) } });
  });
});
