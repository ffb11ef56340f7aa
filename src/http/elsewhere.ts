/** OpenAI's addresses that this relay has under another name, or not at all: who asks is told what to use instead. */
import { Hono } from "hono";
import type { DoorEnv } from "./door.ts";
import { Problem } from "./problem.ts";

export const NO_WEB_RTC =
  "There is no WebRTC or SIP here: connect with a WebSocket, GET /v1/realtime?model=… with Upgrade: websocket.";
const CLIENT_SECRETS = "This address is of the beta API: use POST /v1/realtime/client_secrets";

export const elsewhere = new Hono<DoorEnv>()
  .all("/sessions", () => gone(`${CLIENT_SECRETS}.`))
  .all("/transcription_sessions", () => gone(`${CLIENT_SECRETS} with session.type "transcription".`))
  .all("/calls/:rest{.*}?", () => gone(NO_WEB_RTC));

function gone(detail: string): Response {
  return new Problem("not_offered", detail).toResponse();
}
