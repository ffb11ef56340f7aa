/** The one tool a simulated caller offers. */
import type { JsonObject } from "../../src/protocol/json.ts";

export const TOOLS: readonly JsonObject[] = [
  {
    type: "function",
    name: "get_time",
    description: "Tells what time it is for the caller.",
    parameters: { type: "object", properties: {}, required: [] },
  },
];

/** The tool's output, as JSON text. */
export function answerTool(name: string): string {
  if (name !== "get_time") return JSON.stringify({ error: `there is no tool ${name}` });
  return JSON.stringify({ time: new Date().toTimeString().slice(0, 5) });
}
