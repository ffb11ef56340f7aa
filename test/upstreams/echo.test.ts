import { describe, expect, it } from "vitest";

import { createUpstream } from "../../src/upstreams/index.ts";
import { chunk, CONFIG, Connection, orderFaults } from "./connection.ts";

const loop = { opened: () => [], receive: (message: string | Uint8Array) => [message] };
const respond = { type: "respond", responseId: "R1", options: { params: {}, outOfBand: false } } as const;

function connect(modality: "audio" | "text" = "audio"): Connection {
  return new Connection(createUpstream({ adapter: "echo" }), loop, { ...CONFIG, modality });
}

function type(connection: Connection, text: string): void {
  const content = [{ type: "input_text", text }];
  const item = { id: "item_1", type: "message", role: "user", content };
  connection.send({ type: "item", item, previousItemId: null });
}

describe("the echo", () => {
  it("[U19] is one duplex answer that nobody asked for and that never ends", () => {
    const connection = connect();
    const { capabilities } = connection.upstream;
    expect(connection.upstream.request().url).toMatch(/^loop:/);
    expect(capabilities).toMatchObject({ turns: "none", cancel: false, truncate: false });
    for (let n = 0; n < 3; n++) connection.send({ type: "audio", chunk: chunk(Uint8Array.of(n, n)) });
    connection.send({ type: "commit", itemId: "item_turn" });
    expect(connection.events.map((event) => event.type)).toEqual([
      "ready",
      "response.started",
      "item.started",
      "audio",
      "audio",
      "audio",
    ]);
    expect(connection.of("response.started")[0]?.answers).toBeNull();
  });

  it("[U19] echoes in the format it was given", () => {
    const settings = { format: { type: "audio/pcmu" } };
    const { input, output } = createUpstream({ adapter: "echo", settings }).capabilities;
    expect([input, output]).toEqual([settings.format, settings.format]);
  });

  it("[U20] answers a text with that text, spoken or written as the session wants it", () => {
    for (const [modality, event] of [
      ["audio", "transcript"],
      ["text", "text"],
    ] as const) {
      const connection = connect(modality);
      type(connection, "Good morning.");
      connection.send(respond);
      expect(connection.of(event)).toMatchObject([{ delta: "Good morning." }]);
      expect(connection.of("response.started")[0]?.answers).toBe("R1");
      expect(connection.of("response.done")[0]?.status).toBe("completed");
      expect(orderFaults(connection.events)).toEqual([]);
    }
  });

  it("[U20] answers with nothing when nothing was typed, and does not repeat itself", () => {
    const connection = connect("text");
    type(connection, "Once.");
    connection.send(respond);
    connection.send({ ...respond, responseId: "R2" });
    expect(connection.of("text")).toHaveLength(1);
    expect(connection.of("response.done")).toHaveLength(2);
  });
});
