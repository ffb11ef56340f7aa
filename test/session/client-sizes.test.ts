import { describe, expect, test } from "vitest";

import { excessOf, jsonSize, type Json } from "../../src/protocol/json.ts";
import { CLIENT } from "../../src/session/io.ts";
import { begin, finish } from "../support/answering.ts";
import { Call, type Received } from "../support/call.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const errorsOf = (call: Call) =>
  call.events.filter(({ type }) => type === "error").map((event) => event["error"] as Received);
const part = (text: string) => ({ type: "input_text", text });
const image = (size: number) => ({ type: "input_image", image_url: "x".repeat(size) });
const message = (id: string, ...content: readonly Json[]) => ({
  type: "conversation.item.create",
  event_id: `e-${id}`,
  item: { id, type: "message", role: "user", content },
});
/** What was sent is read. */
const read = (call: Call) => call.input({ type: "buffered", peer: CLIENT, bytes: 0 });
const kept = (call: Call) => call.session.snapshot().conversation.entries.map(({ item }) => item.id);

describe("JSON", () => {
  test("[E35] more than 10,000 members and elements are not parsed: an error with the event's id", () => {
    const call = new Call();
    const tools = Array.from({ length: 6000 }, (_, n) => ({ type: "function", name: `f${n}` }));
    call.client({ event_id: "many", type: "session.update", session: { tools } });
    expect(errorsOf(call)).toMatchObject([{ code: "message_too_large", event_id: "many" }]);
    call.client({ type: "session.update", session: { tools: tools.slice(0, 128) } });
    expect(call.last("session.updated")["session"]).toMatchObject({ tools: tools.slice(0, 128) });
  });

  test("[E14] ten thousand levels are an error and no end of the call, closed or not", () => {
    const call = new Call();
    call.client(`{"event_id":"deep","type":"x","a":${'{"a":'.repeat(10_000)}1${"}".repeat(10_001)}`);
    call.client("[".repeat(100_000));
    expect(errorsOf(call)).toMatchObject([
      { code: "invalid_json", event_id: "deep" },
      { code: "invalid_json", event_id: null },
    ]);
  });

  test("[E35] what stands in strings is neither level nor member", () => {
    const most = { levels: 2, members: 3, escapes: 5, outside: 50 };
    const text = String.raw`{"a":"[[[[,,,,\"[[[,,,\\","b":"\\\\"}`;
    expect(excessOf(text, most)).toBeTypeOf("number");
    expect(excessOf(String.raw`{"a":"\\",[[1]]}`, most)).toBe("levels");
    expect(excessOf("[1,2,3]", most)).toBe(2);
    expect(excessOf("[1,2,3,4]", most)).toBe("members");
    expect(excessOf('"never closed [[[[', most)).toBe(0);
    expect(excessOf(String.raw`"\\\\" [[[`, most)).toBe("levels");
  });

  test("[E101] more escapes, or more outside of strings, than any event has are not parsed", () => {
    const most = { levels: 2, members: 3, escapes: 5, outside: 50 };
    expect(excessOf(String.raw`["\"\"\"\"\"", ""]`, most)).toBe(1);
    expect(excessOf(String.raw`["\"\"\"\"\"", "\""]`, most)).toBe("escapes");
    expect(excessOf(`["${String.raw`\n`.repeat(1000)}"]`, most)).toBe("escapes");
    expect(excessOf(`[${" ".repeat(48)}]`, most)).toBe(0);
    expect(excessOf(`[${" ".repeat(49)}]`, most)).toBe("outside");
    expect(excessOf(`["${" ".repeat(490)}"]`, most)).toBe(0);
    const call = new Call();
    const append = (audio: string) =>
      `{"event_id":"a","type":"input_audio_buffer.append","x":1,"audio":"${audio}"}`;
    call.client(`{"event_id":"e","type":"x","a":"${String.raw`\n`.repeat(1024 * 1024)}"}`);
    call.client(`{"event_id":"o","type":"x","a":1${" ".repeat(1024 * 1024)}}`);
    expect(errorsOf(call)).toMatchObject([
      { code: "invalid_value", event_id: "e" },
      { code: "message_too_large", event_id: "o" },
    ]);
    call.clearEvents();
    // Some write each slash of base64 as `\/`.
    call.client(append(String.raw`\/`.repeat(1024 * 1024)));
    expect(errorsOf(call)).toEqual([]);
    call.client(append(String.raw`\/`.repeat(1024 * 1024 + 4)));
    expect(errorsOf(call)).toMatchObject([{ code: "message_too_large", event_id: "a" }]);
  });

  test("[E101] it is looked over in linear time, however its escapes lie", () => {
    const most = { levels: 64, members: 1e9, escapes: 1e9, outside: 1e9 };
    const far = `${String.raw`\n`}${"x".repeat(300)}`;
    for (const text of [
      `["${far.repeat(50_000)}"]`,
      `["${String.raw`\"`.repeat(4_000_000)}"]`,
      `[${String.raw`"\\",`.repeat(1_000_000)}0]`,
      `["${String.raw`\n`}${"x".repeat(15_000_000)}"]`,
    ]) {
      const begun = process.threadCpuUsage();
      expect(excessOf(text, most)).toBeTypeOf("number");
      // Quadratic it would be minutes.
      expect(process.threadCpuUsage(begun).user / 1000).toBeLessThan(2000);
    }
  });

  test("[E40] the size of JSON is about its length", () => {
    const value = { a: ["x".repeat(100), 1, true, null, { b: {}, c: [] }], "long key": "y".repeat(50) };
    expect(Math.abs(jsonSize(value) - JSON.stringify(value).length)).toBeLessThan(30);
  });
});

describe("the configuration", () => {
  test("[E36] has at most 256 KiB, however it got them; what is too much changes nothing", () => {
    const call = new Call();
    call.client({ type: "session.update", session: { instructions: "x".repeat(250 * KiB) } });
    expect(errorsOf(call)).toEqual([]);
    for (const [event_id, session] of [
      ["whole", { instructions: "y".repeat(300 * KiB) }],
      ["more", { unknown: "z".repeat(10 * KiB) }],
    ] as const) {
      call.client({ type: "session.update", event_id, session });
      expect(errorsOf(call).at(-1)).toMatchObject({ code: "session_too_large", param: "session", event_id });
      expect(errorsOf(call).at(-1)?.["message"]).toMatch(/would have \d+ characters, at most 262144/);
    }
    expect(call.session.snapshot().config).not.toHaveProperty("unknown");
    const configured = call.commands().filter(({ type }) => type === "configure");
    expect(JSON.stringify(configured)).not.toMatch(/[yz]{10}/);
  });

  test("[E36] forty updates do not keep forty of them", () => {
    const call = new Call({ connect: false });
    call.connect("realtime");
    for (let n = 0; n < 40; n += 1) {
      call.client({ type: "session.update", session: { instructions: `${n} `.repeat(60 * KiB) } });
    }
    expect(JSON.stringify(call.session.snapshot().conduct.updates).length).toBeLessThan(1.5 * MiB);
  });
});

describe("an item", () => {
  test("[E37] has at most 256 KiB beside its images and audio, and 8 MiB of images", () => {
    const call = new Call();
    call.client(message("text", part("x".repeat(255 * KiB))));
    read(call);
    call.client(message("image", part("Look."), image(5 * MiB)));
    read(call);
    expect(errorsOf(call)).toEqual([]);
    call.client(message("texts", part("x".repeat(200 * KiB)), part("x".repeat(100 * KiB))));
    call.client(message("images", image(5 * MiB), image(4 * MiB)));
    expect(errorsOf(call)).toMatchObject([
      { code: "item_too_large", param: "item", event_id: "e-texts" },
      { code: "item_too_large", param: "item", event_id: "e-images" },
    ]);
    expect(errorsOf(call)[0]?.["message"]).toMatch(/^Invalid 'item': 30\d{4} characters without .* 262144 /);
    expect(kept(call)).toEqual(["text", "image"]);
  });

  test.each(["constructor", "toString", "__proto__", "hasOwnProperty"])(
    "[E41] whose role, type or part is %s is refused by that field, as is a turn detection",
    (name) => {
      const call = new Call();
      const create = (item: Json) => call.client({ type: "conversation.item.create", item });
      create({ type: "message", role: name, content: [part("Hi.")] });
      create({ type: "message", role: name, content: [] });
      create({ type: name, name: "f", arguments: "{}" });
      create({ type: "message", role: "user", content: [{ type: name }] });
      call.client({ type: "response.create", response: { input: [{ type: name }] } });
      call.client({
        type: "session.update",
        session: { audio: { input: { turn_detection: { type: name } } } },
      });
      call.client({ type: name });
      expect(errorsOf(call).map(({ param }) => param)).toEqual([
        "item.role",
        "item.role",
        "item.type",
        "item.content[0].type",
        "response.input[0].type",
        expect.stringContaining("session.audio.input.turn_detection"),
        "type",
      ]);
      expect(kept(call)).toEqual([]);
    },
  );
});

describe("what is kept", () => {
  test("[E38] of a conversation of more than 8 MiB the oldest items are forgotten", () => {
    const call = new Call();
    for (const id of ["a", "b", "c"]) {
      call.client(message(id, image(3 * MiB)));
      read(call);
    }
    expect(kept(call)).toEqual(["b", "c"]);
    call.client(message("d", part("Hi.")));
    expect(kept(call)).toEqual(["b", "c", "d"]);
  });

  // LiveKit and Pipecat show a picture a second where the camera is on.
  test("[E125] pictures are forgotten before anything that was said", () => {
    const call = new Call();
    call.client(message("said", part("My name is Ada.")));
    for (let count = 0; count < 12; count += 1) {
      call.client(message(`picture${count}`, image(MiB)));
      read(call);
      call.advance(3000);
    }
    expect(kept(call).at(0)).toBe("said");
    expect(kept(call).at(-1)).toBe("picture11");
    expect(kept(call).length).toBeLessThan(10);
  });

  test("[E125] also where there are too many items", () => {
    const call = new Call({ limits: { items: 3 } });
    for (const id of ["a", "b"]) call.client(message(id, part(id)));
    for (const id of ["p1", "p2", "p3"]) call.client(message(id, image(KiB)));
    expect(kept(call)).toEqual(["a", "b", "p3"]);
    call.client(message("c", image(KiB), part("What is this?")));
    call.client(message("d", part("d")));
    expect(kept(call)).toEqual(["b", "c", "d"]);
  });

  test("[E39] a response.create has at most 256 KiB, 8 MiB of images and audio, and 18 KiB of metadata", () => {
    const call = new Call();
    const ask = (event_id: string, response: { readonly [key: string]: Json }) =>
      call.client({ type: "response.create", event_id, response: { conversation: "none", ...response } });
    const input = (...content: Json[]) => ({ input: [{ type: "message", role: "user", content }] });
    ask("text", { instructions: "x".repeat(300 * KiB) });
    ask("image", input(image(9 * MiB)));
    ask("metadata", { metadata: { note: "x".repeat(20 * KiB) } });
    expect(errorsOf(call)).toMatchObject([
      { code: "response_too_large", param: "response", event_id: "text" },
      { code: "response_too_large", param: "response", event_id: "image" },
      { code: "response_too_large", param: "response.metadata", event_id: "metadata" },
    ]);
    expect(call.commandTypes()).toEqual(["greet"]);
  });

  test("[E39] what a response was asked with is kept until it has ended", () => {
    const call = new Call();
    call.client({ type: "response.create", response: { instructions: "x".repeat(200 * KiB) } });
    const size = () => JSON.stringify(call.session.snapshot().responses).length;
    expect(size()).toBeGreaterThan(200 * KiB);
    begin(call);
    finish(call);
    expect(size()).toBeLessThan(20 * KiB);
  });

  test("[E40] one session keeps 12 MiB in all of what its client sends", () => {
    const call = new Call();
    for (const id of ["a", "b"]) {
      call.client(message(id, image(3 * MiB)));
      read(call);
    }
    const input = [{ type: "message", role: "user", content: [image(5 * MiB)] }];
    const ask = (event_id: string) =>
      call.client({ type: "response.create", event_id, response: { conversation: "none", input } });
    ask("fits");
    ask("over");
    expect(errorsOf(call)).toMatchObject([
      { code: "session_too_large", param: "response", event_id: "over" },
    ]);
    expect(call.commands().filter(({ type }) => type === "respond")).toHaveLength(1);
  });

  test("[W13] items that wait for a dial beyond 16 MiB give the upstream up, aloud", () => {
    const call = new Call({ connect: false, limits: { sessionSize: 64 * MiB, backlogSize: MiB } });
    call.connect("duplex.v1");
    for (let n = 0; n < 6; n += 1) {
      call.client(message(`i${n}`, part("x".repeat(200 * KiB))));
      read(call);
    }
    expect(call.open.has("up0.1")).toBe(false);
    expect(errorsOf(call)[0]).toMatchObject({ type: "server_error" });
    expect(call.open.has(CLIENT)).toBe(true);
  });
});
