import { describe, expect, test } from "vitest";

import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const EAGER = { relay: { eager_ms: 150 } };
const HALF = concat(silence(600), voice(900, 24_000, 3), silence(300));
const words = (call: Call) =>
  call.events.filter(({ type }) => type.startsWith("conversation.item.input_audio_transcription."));
/** The name under which the last turn was committed. */
const committed = (call: Call) => {
  const commit = call.commands().findLast((command) => command.type === "commit");
  return commit?.type === "commit" ? commit.itemId : "";
};
const completed = (itemId: string, transcript: string) =>
  ({ type: "input.transcript.completed", itemId, transcript, usage: null }) as const;

describe("words that come before a turn is confirmed", () => {
  test("[Q30] are told when it is announced, after its item", () => {
    const call = new Call({ session: EAGER });
    call.speak(HALF);
    call.upstream({ type: "input.transcript.delta", itemId: committed(call), delta: "Good " });
    call.upstream(completed(committed(call), "Good morning."));
    expect(words(call)).toEqual([]);
    call.hibernate();
    call.speak(silence(600));
    const item_id = String(call.last("input_audio_buffer.committed")["item_id"]);
    expect(words(call)).toMatchObject([
      { item_id, delta: "Good " },
      { item_id, transcript: "Good morning." },
    ]);
    const types = call.types();
    expect(types.indexOf("conversation.item.done")).toBeLessThan(types.indexOf(words(call)[0]?.type ?? ""));
    const [entry] = call.session.snapshot().conversation.entries;
    expect(entry?.item["content"]).toMatchObject([{ transcript: "Good morning." }]);
  });

  test("[Q31] are nobody's when the caller went on, however late they come", () => {
    const call = new Call({ session: EAGER });
    call.speak(HALF);
    const half = committed(call);
    call.upstream(completed(half, "Good."));
    call.speak(voice(900, 24_000, 4));
    call.upstream(completed(half, "Good again."));
    call.speak(silence(900));
    call.upstream(completed(half, "Good at last."));
    expect(words(call)).toEqual([]);
    call.upstream(completed(committed(call), "Good morning."));
    expect(words(call)).toMatchObject([{ transcript: "Good morning." }]);
  });

  test("[Q30] late ones of a turn that was confirmed are its", () => {
    const call = new Call({ session: EAGER });
    call.speak(concat(HALF, silence(600)));
    call.upstream(completed(committed(call), "Good morning."));
    expect(words(call)).toMatchObject([{ transcript: "Good morning." }]);
  });

  test("[Q32] are kept within a bound", () => {
    const call = new Call({ session: EAGER });
    call.speak(HALF);
    for (let at = 0; at < 500; at += 1) {
      call.upstream({ type: "input.transcript.delta", itemId: committed(call), delta: "word ".repeat(100) });
    }
    const kept = JSON.stringify(call.session.snapshot().eager.words);
    expect(kept.length).toBeLessThan(64 * 1024);
  });
});
