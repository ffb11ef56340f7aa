/** Doors of client dialects that have one of their own: under `/v1/`, by this name. */
import type { Hono } from "hono";
import { twilio } from "../dialects/twilio/door/index.ts";
import type { DoorEnv } from "./door.ts";

export const DIALECT_DOORS: Readonly<Record<string, Hono<DoorEnv>>> = {
  twilio,
};
