/** A call that is longer than what may wait to be told: whoever comes next is told the newest of it. */
import { describe, expect, test } from "vitest";

import { createUpstream } from "../../src/upstreams/index.ts";
import { objectAt, objectsAt } from "../../src/upstreams/json.ts";
import type { Item, UpstreamOptions } from "../../src/upstreams/upstream.ts";
import { chunk, Connection, type ScriptedServer } from "./connection.ts";
import { ScriptedDeepgramAgent } from "./scripted-deepgram-agent.ts";
import { ScriptedElevenLabs } from "./scripted-elevenlabs.ts";
import { ScriptedGemini } from "./scripted-gemini.ts";

type Told = ScriptedServer & { readonly received: readonly object[]; readonly refused: readonly string[] };
const SUBJECTS: readonly (readonly [string, UpstreamOptions, () => Told])[] = [
  ["elevenlabs-agents", { adapter: "elevenlabs-agents", model: "agent_1" }, () => new ScriptedElevenLabs()],
  ["deepgram-agent", { adapter: "deepgram-agent" }, () => new ScriptedDeepgramAgent()],
  ["gemini-live", { adapter: "gemini-live", model: "gemini-2.5-flash" }, () => new ScriptedGemini()],
];
const LINES = 400;

function lines(): readonly Item[] {
  return Array.from({ length: LINES }, (_, n) => {
    const [role, type] = n % 2 === 0 ? ["user", "input_text"] : ["assistant", "output_text"];
    return {
      id: `item_${n}`,
      type: "message",
      role: role ?? "",
      content: [{ type: type ?? "", text: `line ${n}.` }],
    };
  });
}

describe.each(SUBJECTS)("%s", (_, options, made) => {
  const connect = () => {
    const server = made();
    return { server, connection: new Connection(createUpstream(options), server) };
  };
  const told = (server: Told): string => JSON.stringify(server.received);

  test("[U310] is told the newest of a long call, and no item of it is refused", () => {
    const { server, connection } = connect();
    for (const item of lines()) connection.send({ type: "item", item, previousItemId: null });
    connection.send({ type: "audio", chunk: chunk(new Uint8Array(640)) });
    connection.send({ type: "commit", itemId: "turn" });
    connection.send({ type: "respond", responseId: "R1", options: { params: {}, outOfBand: false } });
    connection.hear([]);
    expect(connection.of("refused")).toEqual([]);
    expect(told(server)).toContain(`line ${LINES - 1}.`);
    expect(told(server)).toContain(`line ${LINES - 100}.`);
    expect(server.refused).toEqual([]);
  });
});

test("[U310] what a client writes beyond that is refused by its name, and takes nothing from what was said", () => {
  const server = new ScriptedGemini();
  const connection = new Connection(
    createUpstream({ adapter: "gemini-live", model: "gemini-2.5-flash" }),
    server,
  );
  for (const item of lines()) connection.send({ type: "item", item, previousItemId: null, cause: "evt" });
  connection.send({ type: "respond", responseId: "R1", options: { params: {}, outOfBand: false } });
  connection.hear([server.content({})]);
  expect(connection.of("refused").length).toBeGreaterThan(0);
  expect(JSON.stringify(server.received)).toContain("line 0.");
});

test("[U310] no result stands at the front of what Gemini is told without its call", () => {
  const server = new ScriptedGemini();
  const connection = new Connection(
    createUpstream({ adapter: "gemini-live", model: "gemini-2.5-flash" }),
    server,
  );
  for (let n = 0; n < 300; n += 1) {
    const call_id = `call_${n}`;
    const call: Item = { id: `c${n}`, type: "function_call", name: "look", call_id, arguments: "{}" };
    const result: Item = { id: `r${n}`, type: "function_call_output", call_id, output: "{}" };
    connection.send({ type: "item", item: call, previousItemId: null });
    connection.send({ type: "item", item: result, previousItemId: null });
  }
  connection.send({ type: "respond", responseId: "R1", options: { params: {}, outOfBand: false } });
  const [first] = objectsAt(objectAt(server.received.at(-1) ?? null, "clientContent"), "turns");
  expect(JSON.stringify(first)).toContain("functionCall");
});
