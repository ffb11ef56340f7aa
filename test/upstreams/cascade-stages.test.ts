/** A cascade's stages as they really answer: calls in other shapes, words that come late. */
import { expect, test } from "vitest";

import { Led, TRANSCRIBED } from "./cascade/led.ts";
import { called, chunk, data, DONE, waited } from "./cascade/scripted-stages.ts";

test("[U217] calls of one number, or of none, are calls of their own where their ids and names say so", () => {
  const piece = (id: string, args: string, more: object) =>
    data(
      "text",
      chunk({
        tool_calls: [{ ...more, id, type: "function", function: { name: `f_${id}`, arguments: args } }],
      }),
    );
  for (const more of [{ index: 0 }, {}]) {
    const call = new Led();
    call.turn("Both.");
    call.hear([
      ...called("first", "a", "{}").slice(0, 1),
      piece("a", '{"n":1}', more),
      piece("b", '{"n":2}', more),
    ]);
    call.moved();
    call.hear([
      piece("c", '{"n"', more),
      data("text", chunk({ tool_calls: [{ ...more, function: { arguments: ":3}" } }] })),
    ]);
    call.hear([data("text", chunk({}, "tool_calls") + DONE)]);
    expect(call.of("item.started")).toMatchObject([
      { name: "f_a", callId: "a" },
      { name: "f_b", callId: "b" },
      { name: "f_c", callId: "c" },
    ]);
    expect(call.of("item.done").map((event) => event.arguments)).toEqual(['{"n":1}', '{"n":2}', '{"n":3}']);
  }
  // An id of its own for each piece is no other call.
  const call = new Led();
  call.turn("One.");
  const next = { index: 0, id: "b", function: { arguments: ":1}" } };
  call.hear([
    ...called("first", "a", "{}").slice(0, 1),
    piece("a", '{"n"', { index: 0 }),
    data("text", chunk({ tool_calls: [next] })),
    data("text", chunk({}, "tool_calls") + DONE),
  ]);
  expect(call.of("item.done")).toMatchObject([{ arguments: '{"n":1}' }]);
});

test("[U26] no tool runs for a call of a text model whose arguments are not whole JSON", () => {
  const call = new Led();
  call.turn("Do it.");
  call.hear(called("act", "call_1", '{"zone":"UT'));
  expect(call.of("item.done")).toMatchObject([{ status: "incomplete" }]);
  call.user("Well?");
  call.respond("R2");
  expect(JSON.stringify(call.messages)).not.toContain("tool_calls");
});

test("[U218] what else the endpoint says of a call goes back with it", () => {
  const call = new Led();
  call.turn("Do it.");
  const extra_content = { google: { thought_signature: "c2lnbmVk" } };
  const [begin = "", first = "", ...rest] = called("act", "call_1", "{}");
  const signed = data("text", chunk({ tool_calls: [{ index: 0, extra_content }] }));
  call.hear([begin, first, signed, ...rest]);
  call.moved();
  const result = { id: "out", type: "function_call_output", call_id: "call_1", output: "12:00" };
  call.send({ type: "item", item: result, previousItemId: null });
  call.respond("R2");
  expect(call.messages.slice(2)).toMatchObject([{ tool_calls: [{ id: "call_1", extra_content }] }, {}]);
});

test("[U220] what was cleared is in no turn, also where its words come late, and an ask waits for none of them", () => {
  const call = new Led(TRANSCRIBED);
  call.say(160);
  call.send({ type: "clear" });
  call.moved();
  call.hear(call.stages.words("Uh."));
  call.turn("What time is it?");
  expect(call.messages.at(-1)).toMatchObject({ content: "What time is it?" });
  expect(call.of("input.transcript.completed")).toHaveLength(1);
  // Without a word it is over a while later; what was said since is heard then.
  const silent = new Led(TRANSCRIBED);
  silent.say(160);
  silent.send({ type: "clear" });
  silent.user("Typed.");
  silent.respond("R1");
  expect(silent.messages.at(-1)).toMatchObject({ content: "Typed." });
  silent.say(160);
  silent.send({ type: "commit", itemId: "turn" });
  silent.hear([waited("words"), ...silent.stages.words("Spoken.")]);
  expect(silent.of("input.transcript.completed")).toMatchObject([{ itemId: "turn", transcript: "Spoken." }]);
});
