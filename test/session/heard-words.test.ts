/** What the next connection is told of an answer that was cut: the words of the audio that was heard. */
import { describe, expect, test } from "vitest";

import { Call, WIRE, type CallOptions } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const TURN = concat(silence(600), voice(1200), silence(900));
const FALLBACK = { ...WIRE, fallback: [{ adapter: "wire" }] };
const NUMBERS = Array.from({ length: 40 }, (_, n) => `w${String(n).padStart(2, "0")}`);

function asked(options: CallOptions = {}): Call {
  const call = new Call({ upstreams: [FALLBACK], dialect: "duplex.v1", ...options });
  call.speak(TURN);
  call.beginAnswer();
  return call;
}

function say(call: Call, ms: number, item = "i"): void {
  const audio = new Uint8Array(voice(ms).buffer).toBase64();
  call.upstream({ type: "audio", response: "r", item, audio });
}

function words(call: Call, delta: string, item = "i"): void {
  call.upstream({ type: "transcript", response: "r", item, delta });
}

/** The text of the assistant's items that the next connection is told of. */
function toldAfterLoss(call: Call): string[] {
  call.open.delete("up0.1");
  call.input({ type: "close", peer: "up0.1", code: 1011, reason: "" });
  call.advance(500);
  if (!call.open.has("up0.2")) throw new Error("nobody was dialled");
  call.accept("up0.2");
  return call.commands("up0.2").flatMap((command) => {
    if (command.type !== "item" || command.item["role"] !== "assistant") return [];
    const [part] = command.item["content"] as { text: string }[];
    return [part?.text ?? ""];
  });
}

function truncate(call: Call, ms: number, index = -1): void {
  const items = call.events.filter((event) => event.type === "response.output_item.added");
  const item = items.at(index)?.["item"] as { id: string } | undefined;
  call.client({
    type: "conversation.item.truncate",
    item_id: item?.id ?? "",
    content_index: 0,
    audio_end_ms: ms,
  });
}

test.each([
  [1000, ["See the list:", "one two"]],
  [0, ["See the list:"]],
] as const)("[L21] what could be read beside it is told as well, of audio cut at %i ms", (ms, parts) => {
  const call = asked({ dialect: "realtime" });
  call.upstream({ type: "text", response: "r", item: "i", part: 0, delta: "See the list:" });
  call.upstream({ type: "transcript", response: "r", item: "i", part: 1, delta: "one two three four" });
  const audio = new Uint8Array(voice(2000).buffer).toBase64();
  call.upstream({ type: "audio", response: "r", item: "i", part: 1, audio });
  call.finishAnswer();
  const { id } = call.last("response.output_item.added")["item"] as { id: string };
  call.client({ type: "conversation.item.truncate", item_id: id, content_index: 1, audio_end_ms: ms });
  toldAfterLoss(call);
  const told = call.commands("up0.2").findLast(({ type }) => type === "item");
  const content = parts.map((text) => ({ type: "output_text", text }));
  expect(told).toMatchObject({ item: { role: "assistant", content } });
});

const SENTENCES = [
  ["Chinese", "今天天气很好我们一起去公园散步然后吃午饭吧"],
  ["Chinese with signs", "你好,今天天气很好,我们一起去公园散步,好吗?"],
  ["Japanese", "今日はとても良い天気ですね公園を散歩しましょう"],
  ["Thai", "วันนี้อากาศดีมากเราไปเดินเล่นที่สวนกันเถอะ"],
  ["one long word", "Rindfleischetikettierungsüberwachungsaufgaben"],
  ["Korean", "오늘 날씨가 정말 좋네요 같이 공원에 가요"],
] as const;

describe("an answer is cut in the middle", () => {
  test.each(SENTENCES)(
    "[I43] %s: about half of it is told, by the relay's own truncation",
    (_name, sentence) => {
      const call = asked();
      words(call, sentence);
      say(call, 6000);
      call.finishAnswer();
      call.advance(3000);
      call.client({ type: "output_audio_buffer.clear" });
      const [told = ""] = toldAfterLoss(call);
      expect(sentence.startsWith(told)).toBe(true);
      expect(told.length / sentence.length).toBeGreaterThan(0.35);
      expect(told.length / sentence.length).toBeLessThan(0.55);
    },
  );

  test.each(SENTENCES)("[I43] %s: and by a plain client's", (_name, sentence) => {
    const call = asked({ dialect: "realtime" });
    words(call, sentence);
    say(call, 6000);
    call.finishAnswer();
    truncate(call, 3000);
    const [told = ""] = toldAfterLoss(call);
    expect(sentence.startsWith(told)).toBe(true);
    expect(told.length / sentence.length).toBeGreaterThan(0.35);
    expect(told.length / sentence.length).toBeLessThan(0.55);
  });

  test("[I44] of words and audio that came in step and wait together, those that were heard are told", () => {
    const call = asked();
    for (const word of NUMBERS) {
      words(call, `${word} `);
      say(call, 200);
    }
    call.finishAnswer();
    // Two seconds: ten of the forty words.
    call.advance(2000);
    call.client({ type: "output_audio_buffer.clear" });
    expect(call.last("conversation.item.truncated")).toMatchObject({ audio_end_ms: 2000 });
    const [told = ""] = toldAfterLoss(call);
    expect(NUMBERS.join(" ").startsWith(told)).toBe(true);
    expect(told.split(" ").length).toBeGreaterThanOrEqual(9);
    expect(told.split(" ").length).toBeLessThanOrEqual(10);
  });

  test("[I44] words that came ahead of all audio are those of all of it, also of what was never sent", () => {
    const call = asked();
    words(call, NUMBERS.join(" "));
    say(call, 8000);
    call.finishAnswer();
    call.advance(2000);
    call.client({ type: "output_audio_buffer.clear" });
    const [told = ""] = toldAfterLoss(call);
    expect(told.split(" ").length).toBeGreaterThanOrEqual(9);
    expect(told.split(" ").length).toBeLessThanOrEqual(10);
  });

  test("[I44] words that wait behind their audio were heard with it all the same", () => {
    const call = asked();
    say(call, 8000);
    words(call, NUMBERS.join(" "));
    call.finishAnswer();
    call.advance(2000);
    call.client({ type: "output_audio_buffer.clear" });
    const [told = ""] = toldAfterLoss(call);
    expect(told.split(" ").length).toBeGreaterThanOrEqual(9);
    expect(told.split(" ").length).toBeLessThanOrEqual(10);
  });

  test("[I44] a transcript far ahead of the audio so far counts no faster than anybody speaks", () => {
    const call = asked();
    words(call, "中文".repeat(60));
    say(call, 2000);
    call.advance(1000);
    call.client({ type: "output_audio_buffer.clear" });
    const [told = ""] = toldAfterLoss(call);
    expect(told.length).toBeGreaterThan(4);
    expect(told.length).toBeLessThanOrEqual(10);
  });

  test("[I44] each item has its own audio and words: what waits of the second is not the first's", () => {
    const call = asked();
    words(call, NUMBERS.slice(0, 20).join(" "));
    say(call, 4000);
    call.upstream({ type: "item.done", status: "completed", response: "r", item: "i" });
    call.upstream({ type: "item.started", response: "r", item: "j", kind: "message" });
    words(call, NUMBERS.slice(20).join(" "), "j");
    say(call, 4000, "j");
    call.advance(2000);
    call.client({ type: "output_audio_buffer.clear" });
    const told = toldAfterLoss(call).join(" ");
    expect(told.split(" ").length).toBeGreaterThanOrEqual(9);
    expect(told.split(" ").length).toBeLessThanOrEqual(10);
  });

  test("[I45] words that come after the truncation are counted, and a later truncation counts again", () => {
    const call = asked({ dialect: "realtime" });
    say(call, 8000);
    truncate(call, 4000);
    call.hibernate();
    words(call, NUMBERS.join(" "));
    call.finishAnswer();
    expect(
      JSON.stringify(call.events.findLast((event) => event.type === "conversation.item.done")),
    ).not.toContain("w30");
    truncate(call, 2000);
    const [told = ""] = toldAfterLoss(call);
    expect(NUMBERS.join(" ").startsWith(told)).toBe(true);
    expect(told.split(" ").length).toBeGreaterThanOrEqual(9);
    expect(told.split(" ").length).toBeLessThanOrEqual(10);
  });
});
