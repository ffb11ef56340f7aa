/** Observers whose API key is revoked while they look on. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { bearer } from "./doors.ts";
import { pass } from "./object.ts";
import { connect } from "./socket.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

/** As `npm run keys` writes it; null: it is removed. */
async function write(key: string | null, operator: boolean): Promise<void> {
  const { RELAY_KEYS: store } = env;
  if (store === undefined) throw new Error("no RELAY_KEYS");
  if (key === null) return store.delete("id:boss");
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key));
  const sha256 = new Uint8Array(digest).toHex();
  await store.put(`hash:${sha256}`, "boss");
  await store.put("id:boss", JSON.stringify({ sha256, operator }));
}

test.each([
  ["removed", null, true],
  ["replaced", "key-of-a-chief", true],
  ["no operator's any more", "key-of-a-boss", false],
])(
  "[N40] an observer by an operator's key that is %s is closed within a minute, and nobody else",
  async (_, key, operator) => {
    await write("key-of-a-boss", true);
    const client = await connect("/v1/realtime?model=echo", bearer());
    const { id } = (await client.event("session.created"))["session"] as { id: string };
    const at = `/v1/sessions/${id}/control`;
    const [other, own] = [await connect(at, bearer("key-of-a-boss")), await connect(at, bearer())];
    for (const each of [other, own]) await each.event("session.created");
    await pass(id, 31_000);
    await write(key, operator);
    for (let halves = 0; halves < 2; halves += 1) await pass(id, 30_500);
    expect(await other.closed).toEqual({ code: 1008, reason: "the observer's key is not known any more" });
    client.send({ type: "input_audio_buffer.clear" });
    for (const each of [client, own]) await each.event("input_audio_buffer.cleared");
  },
);
