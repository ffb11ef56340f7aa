/** Whatever was said to it: a session that lives takes an update, and holds a turn with a provider that does as it is asked. */
import { CLIENT } from "../../src/session/io.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { objectOf, textOf } from "../oracle/fields.ts";
import { Violation } from "./checks.ts";
import type { World } from "./world.ts";

/** Longer than any pause between two dials, any budget of a minute, and any answer that does not come: three connections wait for it. */
const REST_MS = 120_000;
const ANSWER_MS = 100_000;
const TICK_MS = 500;
/** An answer that is under way ends once. */
const MOST_ASKS = 2;

/** @throws Violation */
export function probe(world: World, intent: "conversation" | "transcription"): void {
  if (world.ended) return;
  world.honest = true;
  for (const [peer, { kind }] of Array.from(world.open))
    if ((kind === "hostile" || kind === "stage") && world.open.has(peer)) world.drop(peer, 1006, "");
  world.input({ type: "buffered", peer: CLIENT, bytes: 0 });
  // A new listener, who knows nothing of what was.
  world.connect("realtime");
  rest(world, REST_MS);
  if (world.ended) return;
  if (!world.clientOpen) world.connect("realtime");
  const instructions = "The probe's own.";
  const type = intent === "transcription" ? "transcription" : "realtime";
  const session = {
    type,
    ...(type === "realtime"
      ? { instructions, output_modalities: ["text"], tools: [], tool_choice: "auto" }
      : {}),
    audio: { input: { turn_detection: null } },
  };
  ask(world, { type: "session.update", event_id: "probe_update", session });
  // Of an update that is locked as a whole only that is told, and of one that its provider has no such thing as.
  const isJudged = ({ type: told, error }: JsonObject): boolean => {
    const { event_id: about, code } = objectOf(error);
    return (
      told === "session.updated" || (about === "probe_update" && (world.locked || code === "unsupported"))
    );
  };
  const updated = until(world, 10_000, isJudged);
  if (updated === null) throw new Violation("stuck", `no session.updated came; ${lastOf(world)}`);
  if (updated["type"] !== "error" && objectOf(updated["session"])["type"] !== "realtime") return;
  ask(world, { type: "input_audio_buffer.clear" });
  const content = [{ type: "input_text", text: "Are you there?" }];
  ask(world, {
    type: "conversation.item.create",
    item: { id: "probe_item", type: "message", role: "user", content },
  });
  const done = answered(world);
  if (world.ended) throw new Violation("stuck", "the session ended while it was asked");
  const status = done === null ? "none" : textOf(objectOf(done["response"])["status"]);
  // Who takes no text refuses the question: there is nothing that a fallback could answer.
  const refused = world.events.some(
    ({ type: told, item_id }) => told === "conversation.item.deleted" && item_id === "probe_item",
  );
  if (status === "failed" && refused) return;
  if (status !== "completed") throw new Violation("stuck", `the probe's answer: ${status}; ${lastOf(world)}`);
}

/** The end of the answer that it asks for; where another one is under way it asks again when that has ended, as it is told to. */
function answered(world: World): JsonObject | null {
  const isEnd = (event: JsonObject): boolean =>
    event["type"] === "response.done" && objectOf(objectOf(event["response"])["metadata"])["probe"] === "yes";
  for (let asks = 1; ; asks += 1) {
    const name = `probe_answer_${asks}`;
    const before = world.events.length;
    ask(world, { type: "response.create", event_id: name, response: { metadata: { probe: "yes" } } });
    const isBusy = ({ error }: JsonObject): boolean =>
      objectOf(error)["event_id"] === name &&
      objectOf(error)["code"] === "conversation_already_has_active_response";
    if (asks > MOST_ASKS || !world.events.slice(before).some(isBusy)) return until(world, ANSWER_MS, isEnd);
    until(
      world,
      ANSWER_MS,
      (event) => world.events.indexOf(event) >= before && event["type"] === "response.done",
    );
  }
}

function lastOf(world: World): string {
  return world.events
    .slice(-6)
    .map((event) => JSON.stringify(event).slice(0, 200))
    .join(" | ");
}

function ask(world: World, event: JsonObject): void {
  world.message(CLIENT, JSON.stringify(event));
  world.answerDials(NEVER, 0);
}

const NEVER = { chance: () => false } as never;

function rest(world: World, ms: number): void {
  world.answerDials(NEVER, 0);
  world.advance(ms);
  world.answerDials(NEVER, 0);
}

function until(world: World, mostMs: number, is: (event: JsonObject) => boolean): JsonObject | null {
  for (let waited = 0; ; waited += TICK_MS) {
    const found = world.events.find(is);
    if (found !== undefined) return found;
    if (waited >= mostMs || world.ended || !world.clientOpen) return null;
    world.answerDials(NEVER, 0);
    world.advance(TICK_MS);
    // A client that reads, as its shell sees it.
    if (!world.ended && world.clientOpen) world.input({ type: "buffered", peer: CLIENT, bytes: 0 });
  }
}
