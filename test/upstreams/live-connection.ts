/** What the tests of OpenAI's Live API have in common. */
import type { JsonObject } from "../../src/protocol/json.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import type { Item, UpstreamConfig, UpstreamEvent, UpstreamOptions } from "../../src/upstreams/upstream.ts";
import { CONFIG, Connection } from "./connection.ts";
import { ScriptedLive } from "./scripted-live.ts";

export const KEY = "Bearer sk-0123456789abcdef0123456789";
export const HEADERS = { Authorization: KEY };
export const BEHIND = { delegation: { type: "responses", responses: { model: "gpt-5.5" } } };
export const TOOL = {
  type: "function",
  name: "book",
  description: "Books a table.",
  parameters: { type: "object", properties: { seats: { type: "integer" } } },
};

export function live(
  settings: JsonObject = {},
  config: Partial<UpstreamConfig> = {},
  server = new ScriptedLive(),
  more: Partial<UpstreamOptions> = {},
) {
  const upstream = createUpstream({ adapter: "openai-live", headers: HEADERS, settings, ...more });
  return { server, upstream, connection: new Connection(upstream, server, { ...CONFIG, ...config }) };
}

export const types = (events: readonly UpstreamEvent[]): string[] => events.map(({ type }) => type);
/** Sound of so many milliseconds. */
export const sound = (ms: number, value = 0x21) => new Uint8Array(ms * 48).fill(value);
export const message = (role: string, text: string): Item => ({
  id: `item_${text.slice(0, 20)}`,
  type: "message",
  role,
  content: [{ type: role === "assistant" ? "output_text" : "input_text", text }],
});
export const write = (connection: Connection, role: string, text: string) =>
  connection.send({ type: "item", item: message(role, text), previousItemId: null });
export const ask = (connection: Connection, responseId: string, params: JsonObject = {}) =>
  connection.send({ type: "respond", responseId, options: { params, outOfBand: false } });
export const returned = (connection: Connection, callId: string, output: string) =>
  connection.send({
    type: "item",
    item: { id: `o_${callId}`, type: "function_call_output", call_id: callId, output },
    previousItemId: null,
    cause: "evt_client",
  });
