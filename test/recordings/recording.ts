/**
 * A recording: what a provider and one of its own clients said to each other, in order. The format is that of the
 * cassettes in pydantic-ai's tests, as YAML or JSON: `{interactions: [{direction: "sent" | "received", kind: "message",
 * data}]}`; audio may have been shortened by whoever recorded it.
 */
import { parse } from "yaml";

import { isJsonObject, type Json, type JsonObject } from "../../src/protocol/json.ts";

export interface Step {
  /** `client`: the provider's own client said it; `provider`: the provider did; `close`: the socket ended. */
  readonly from: "client" | "provider" | "close";
  readonly event: JsonObject;
}

/** @throws Error that says what is wrong with the file. */
export function readRecording(text: string): readonly Step[] {
  const file: Json = parse(text);
  const interactions = isJsonObject(file) ? file["interactions"] : undefined;
  if (!Array.isArray(interactions)) throw new Error("no `interactions` in it");
  return interactions.flatMap((entry: Json, at: number): Step[] => {
    if (!isJsonObject(entry)) throw new Error(`interaction ${at} is no object`);
    if (entry["kind"] === "close") return [{ from: "close", event: entry }];
    const { direction, data } = entry;
    // HTTP requests (the SDP of a WebRTC call) concern no socket.
    if (entry["kind"] !== "message" || !isJsonObject(data)) return [];
    return [{ from: direction === "sent" ? "client" : "provider", event: data }];
  });
}
