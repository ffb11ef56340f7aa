/** What Gemini Live says of its own end. */
import { expect, test } from "vitest";

import { createUpstream } from "../../src/upstreams/index.ts";
import { CONFIG, Connection } from "./connection.ts";
import { ScriptedGemini } from "./scripted-gemini.ts";

test("[U230] a goAway that says no time, or none that can be read, is an end that comes soon", () => {
  for (const goAway of [{}, { timeLeft: "soon" }, { timeLeft: 50 }]) {
    const server = new ScriptedGemini();
    const headers = { "x-goog-api-key": "AIzaSyNoRealKey-0123456789abcdefghijk" };
    const upstream = createUpstream({ adapter: "gemini-live", model: "gemini-2.5-flash", headers });
    const connection = new Connection(upstream, server, CONFIG);
    connection.hear([server.say({ goAway })]);
    expect(connection.of("expiring")).toEqual([{ type: "expiring", inMs: 10_000 }]);
  }
});
