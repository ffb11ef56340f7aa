/** Inworld's door: a name for each connection in its address, the model in its session. */
import { describe, expect, test } from "vitest";
import { createUpstream } from "../../src/upstreams/index.ts";
import type { JsonObject } from "../../src/upstreams/upstream.ts";
import { Call } from "../support/call.ts";

const URL_ = "wss://api.inworld.ai/api/v1/realtime/session";
const PEER = /^up0\.\d+$/;

function callOf(url: string): Call {
  const options = {
    adapter: "openai-compatible",
    url,
    model: "openai/gpt-4.1-nano",
    headers: { Authorization: "Basic a2V5" },
    settings: { profile: "inworld" },
  };
  return new Call({ createUpstream, upstreams: [{ name: "inworld", options }] });
}

function dialsOf(call: Call): URL[] {
  return call.actions.flatMap((action) => (action.type === "dial" ? [new URL(action.request.url)] : []));
}

function updatesOf(call: Call) {
  return call.actions.flatMap((action) => {
    if (action.type !== "send" || !PEER.test(action.peer) || typeof action.data !== "string") return [];
    const event = JSON.parse(action.data) as JsonObject;
    return event["type"] === "session.update" ? [event["session"]] : [];
  });
}

describe("Inworld", () => {
  test("[U320] each connection has a name of its own, and is told the model in its session", () => {
    const call = callOf(URL_);
    const first = [...call.open].find((peer) => PEER.test(peer)) ?? "";
    call.input({ type: "open", peer: first });
    call.input({ type: "close", peer: first, code: 1006, reason: "" });
    call.advance(5000);
    const dials = dialsOf(call);
    expect(dials.length).toBeGreaterThanOrEqual(2);
    const names = dials.map(({ searchParams }) => searchParams.get("key") ?? "");
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^conn_\w{8,}$/);
    for (const { searchParams, origin, pathname } of dials) {
      expect(origin + pathname).toBe("https://api.inworld.ai/api/v1/realtime/session");
      expect(searchParams.get("protocol")).toBe("realtime");
      expect(searchParams.has("model")).toBe(false);
    }
    expect(updatesOf(call)[0]).toMatchObject({ model: "openai/gpt-4.1-nano" });
  });

  test("[U320] the model is told once, and an address that names its connection is dialled as it is", () => {
    const call = callOf(`${URL_}?key=mine&protocol=realtime`);
    expect(dialsOf(call)[0]?.search).toBe("?key=mine&protocol=realtime");
    const peer = [...call.open].find((each) => PEER.test(each)) ?? "";
    call.input({ type: "open", peer });
    const said = (event: JsonObject) => call.input({ type: "message", peer, data: JSON.stringify(event) });
    said({ type: "session.created", session: { type: "realtime" } });
    said({ type: "session.updated", session: { type: "realtime" } });
    call.client({ type: "session.update", session: { type: "realtime", instructions: "Be brief." } });
    const updates = updatesOf(call);
    expect(updates).toHaveLength(2);
    expect(updates[1]).not.toHaveProperty("model");
    expect(updates[1]).toMatchObject({ instructions: "Be brief." });
  });
});
