/** `authorization` and `headers` of a provider's own tools: for the provider, and shown to nobody. */
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/upstreams/upstream.ts";
import { Call } from "../support/call.ts";

const SECRET = "whsec-not-for-anybody";
const WIKI = { type: "mcp", server_label: "wiki", server_url: "https://wiki.test/mcp" };
const OPEN = { ...WIKI, authorization: SECRET, headers: { "X-Key": SECRET } };
const NAMED = { type: "function", name: "f", parameters: {} };

const update = (call: Call, tools: JsonObject[]) =>
  call.client({ type: "session.update", session: { type: "realtime", tools } });
const told = (call: Call) => {
  const last = call.commands().findLast(({ type }) => type === "configure");
  return last !== undefined && "config" in last ? last.config.tools : null;
};
const shown = (call: Call) => (call.last("session.updated")["session"] as JsonObject)["tools"];

describe("secrets of tools", () => {
  test("[G30] go to the provider and come back to nobody", () => {
    const call = new Call({ session: { tools: [OPEN, NAMED] } });
    expect(JSON.stringify(call.events)).not.toContain(SECRET);
    expect(call.last("session.created")["session"]).toMatchObject({ tools: [WIKI, NAMED] });
    update(call, [OPEN, NAMED]);
    expect(told(call)).toEqual([OPEN, NAMED]);
    call.client({ type: "response.create", response: { tools: [OPEN] } });
    call.hibernate();
    update(call, [NAMED, OPEN]);
    expect(JSON.stringify(call.events)).not.toContain(SECRET);
    expect(shown(call)).toEqual([NAMED, WIKI]);
  });

  test("[G31] a session sent back as it was shown keeps them, and so do the tools of one answer", () => {
    const call = new Call();
    update(call, [OPEN, NAMED]);
    const tools = shown(call) as JsonObject[];
    update(call, tools);
    expect(told(call)).toEqual([OPEN, NAMED]);
    update(call, [{ ...WIKI, authorization: null, headers: null }]);
    expect(told(call)).toEqual([OPEN]);
    call.client({ type: "response.create", response: { tools: [WIKI] } });
    expect(call.commands().at(-1)).toMatchObject({ options: { params: { tools: [OPEN] } } });
  });

  test("[G31] but never another server, and an empty one takes its place", () => {
    const call = new Call();
    update(call, [OPEN]);
    update(call, [{ ...WIKI, server_url: "https://evil.test/mcp" }]);
    expect(told(call)).toEqual([{ ...WIKI, server_url: "https://evil.test/mcp" }]);
    update(call, [OPEN]);
    update(call, [{ ...WIKI, authorization: "", headers: {} }]);
    expect(told(call)).toEqual([{ ...WIKI, authorization: "", headers: {} }]);
  });
});
