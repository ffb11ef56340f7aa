import { expect, test } from "vitest";
import { isolateAudio } from "../../durable-objects/audio-pool.ts";
import { DEFAULT_LIMITS } from "../../src/session/limits.ts";
import { createSession } from "./doors.ts";
import { connect } from "./socket.ts";

test("[E112] every session of the isolate is one of those that share its audio", async () => {
  const alone = { bytes: 0 };
  const share = () => isolateAudio.share(alone);
  const before = share();
  const { url } = await createSession({ model: "echo" });
  const client = await connect(url, { "Sec-WebSocket-Protocol": "duplex.v1" });
  await client.event("session.created");
  expect(before - share()).toBe(DEFAULT_LIMITS.archiveBytes);
  client.close(1000);
  await client.closed;
});
