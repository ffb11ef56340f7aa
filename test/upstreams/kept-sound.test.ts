/** Sound that adapters keep from one message to the next: it is not stored where a route stores none. */
import { expect, test } from "vitest";

import { silenced } from "../../src/session/silenced.ts";
import type { SessionSnapshot } from "../../src/session/session.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import type { Upstream } from "../../src/upstreams/upstream.ts";
import { Call } from "../support/call.ts";
import { kind } from "../support/ogg.ts";
import { chunk } from "./connection.ts";
import { moshi, moshiUpstream, sound } from "./moshi-connection.ts";

const whole = new Call().session.snapshot();

/** What is stored of an adapter. */
function stored(upstream: Upstream, silent: boolean): object {
  const snapshot = { ...whole, adapter: structuredClone(upstream.snapshot()) };
  const kept = silent ? (silenced(snapshot) as SessionSnapshot & { adapter: object }) : snapshot;
  return kept.adapter;
}

const LOUD = sound(7, 0x5b);
const BASE64 = LOUD.toBase64().slice(0, 200);

test("[U292] a Moshi server's: what is less than a packet, a page or a packet's rest", () => {
  const { connection, server, upstream } = moshi();
  connection.send({ type: "audio", chunk: chunk(LOUD) });
  const [page = new Uint8Array()] = server.audio(sound(20, 0x5b));
  connection.hear([page.subarray(0, page.length - 300)]);
  expect(JSON.stringify(stored(upstream, false)).split(BASE64.slice(0, 100)).length).toBeGreaterThan(2);
  expect(JSON.stringify(stored(upstream, true))).not.toContain(BASE64.slice(0, 40));
  const next = moshiUpstream();
  next.restore(JSON.parse(JSON.stringify(stored(upstream, true))));
  connection.upstream = next;
  connection.hear([kind(1, page.subarray(page.length - 300)), ...server.audio(sound(20))]);
  expect(connection.audio()).toHaveLength(960);
});

test.each(["assemblyai", "deepgram-flux"])(
  "[U292] a transcriber's (%s): what is less than a message",
  (adapter) => {
    const options = { adapter, headers: { Authorization: "key" } };
    const upstream = createUpstream(options);
    upstream.encode({ type: "audio", chunk: chunk(LOUD) });
    expect(JSON.stringify(stored(upstream, false))).toContain(BASE64);
    expect(JSON.stringify(stored(upstream, true))).not.toContain(BASE64.slice(0, 40));
    const next = createUpstream(options);
    next.restore(JSON.parse(JSON.stringify(stored(upstream, true))));
    expect(next.encode({ type: "audio", chunk: chunk(sound(2)) })).toEqual([]);
    // As it was kept before there was a form for it.
    next.restore({ ...next.snapshot(), audio: LOUD.toBase64() });
    expect(JSON.stringify(next.snapshot())).toContain(BASE64);
  },
);
