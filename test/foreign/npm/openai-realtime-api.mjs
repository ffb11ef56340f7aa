/** A client of the 2024 beta dialect, which the relay does not speak: it must be told so in words. */
import { RealtimeClient } from "openai-realtime-api";

import { check, expect, Log, relay } from "./report.mjs";

await check("refused", async () => {
  const client = new RealtimeClient({
    url: `${relay.wsUrl}/v1/realtime`,
    apiKey: relay.key,
    model: relay.model,
    sessionConfig: { instructions: "Be brief." },
  });
  const log = new Log();
  client.realtime.on("server.*", (event) => log.push(event.event ?? event));
  client.on("error", (event) => log.push(event));
  await client.connect();
  const event = await log.next(({ type }) => type === "error");
  const message = event.error?.message ?? event.message ?? "";
  expect(message.includes("beta dialect"), `said only: ${JSON.stringify(event)}`);
});
process.exit(0);
