/** Detected turns where a few milliseconds decide what happens: on one side an answer was cut, on the other it was over. */
import type { Received } from "./client.ts";
import { objectOf } from "./fields.ts";
import type { Script } from "./script.ts";

/** What turned out one way on this side. */
function outcome(received: readonly Received[]): string {
  const said = received.flatMap(({ call, event }) => {
    if (event["type"] === "response.done") {
      const { status_details, output } = objectOf(event["response"]);
      const begun = Array.isArray(output) && output.length > 0 ? "begun" : "nothing";
      return [objectOf(status_details)["reason"] === "turn_detected" ? `cut ${begun}` : "said"];
    }
    const busy = objectOf(event["error"])["code"] === "conversation_already_has_active_response";
    return busy ? [`busy ${call}`] : [];
  });
  return said.join();
}

/** Such a script is not compared: the relay's detector and the reference's are not in step by the millisecond. */
export function isNear(script: Script, direct: readonly Received[], through: readonly Received[]): boolean {
  return script.detected && outcome(direct) !== outcome(through);
}
