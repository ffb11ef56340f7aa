/** What a route says of its background mind. */
import type { JsonObject } from "../../protocol/json.ts";
import type { UpstreamOptions } from "../../upstreams/upstream.ts";
import type { Price } from "./price.ts";

export interface BackgroundPlan {
  /** The text model: options of the cascade's `text` part. */
  readonly text: UpstreamOptions;
  /** Of the text model; absent: nobody said. */
  readonly price?: Price;
  /** How its speakers call it. */
  readonly name: string;
  /** When they are to. */
  readonly description: string;
  /** What the text model is told beside the task. */
  readonly instructions: string;
  /** Names of the route's tools that it may call. */
  readonly tools: readonly string[];
  /** The speaker is asked to tell what came of a task; else it only knows. */
  readonly announce: boolean;
  /** Milliseconds after which what came of a task, or has not come yet, is dropped. */
  readonly staleMs: number;
  /** Tasks under way at once. */
  readonly atOnce: number;
}

/** Its arguments, as a speaker is told. */
const PARAMETERS: JsonObject = {
  type: "object",
  properties: {
    task: { type: "string", description: "What is to be found out or done, with all that has to be known." },
    urgent: { type: "boolean", description: "The result is to be told as soon as possible." },
  },
  required: ["task"],
};

/** As OpenAI's session names the function by which a task is handed on. */
export function asDelegate({ name, description }: BackgroundPlan): JsonObject {
  return { type: "function", name, description, parameters: PARAMETERS };
}
