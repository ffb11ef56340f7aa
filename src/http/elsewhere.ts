/** OpenAI's addresses that this relay has under another name, or not at all: who asks is told what to use instead. */
import { Hono } from "hono";
import type { DoorEnv } from "./door.ts";
import { Problem } from "./problem.ts";

export const NO_WEB_RTC =
  "There is no WebRTC or SIP here: connect with a WebSocket, GET /v1/realtime?model=… with Upgrade: websocket.";

export const elsewhere = new Hono<DoorEnv>().all("/calls/:rest{.*}?", () => gone(NO_WEB_RTC));

function gone(detail: string): Response {
  return new Problem("not_offered", detail).toResponse();
}
