/** Server-sent events as a network cuts them. */
import { expect, test } from "vitest";
import { SseReader } from "../../src/upstreams/channels/sse.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

test.each([
  ["LF", "\n"],
  ["CR and LF", "\r\n"],
  ["CR", "\r"],
])("[U120] events whose lines end with %s are whole at their blank line, however they are cut", (_, end) => {
  const stream = bytesOf(["data: one", "", "event: x", "data: two", "data: more", "", ""].join(end));
  for (let size = 1; size <= stream.length; size += 1) {
    const reader = new SseReader(1000);
    const events: string[] = [];
    for (let at = 0; at < stream.length; at += size)
      events.push(...(reader.feed(stream.subarray(at, at + size)) ?? ["too long"]));
    expect(events).toEqual(["one", "two\nmore"]);
  }
});
