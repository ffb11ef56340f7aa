/** Calls with three upstreams that are one voice, and what changes of them. */
import type { JsonObject } from "../../src/protocol/json.ts";
import type { Call, CallOptions } from "./call.ts";
import { race, wire } from "./race.ts";

/** Peer of the third. */
export const C = "up2.1";
export const trio = (options: CallOptions = {}) =>
  race({ upstreams: [wire("anna"), wire("ben"), wire("cleo")], ...options });

export function update(call: Call, plan: JsonObject): void {
  call.client({ type: "relay.plan.update", event_id: "p1", plan });
}

/** `[code, param, event_id]` of every error. */
export const faults = (call: Call) =>
  call.events
    .filter(({ type }) => type === "error")
    .map(({ error }) => error as JsonObject)
    .map(({ code, param, event_id }) => [code, param, event_id]);
