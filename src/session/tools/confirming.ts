/**
 * Calls that wait for the caller's silence: a route may want so much of it after an answer was heard before what the answer
 * announced is done. Who speaks, types or stops the agent meanwhile takes it back.
 */
import type { ToolParts } from "./ports.ts";

interface Waiting {
  readonly since: number;
  /** The client was sending already. */
  readonly streams?: boolean;
}

/** How often it is looked whether a sound that is judged was anything, or what is heard or sent becomes a turn. */
const LOOK_MS = 100;

/**
 * When the silence has lasted long enough, as far as is known now; null: it has. While nobody is there who could say no it has
 * not begun. `no`: somebody goes on talking for so long that it will not be yes.
 */
export function silenceLasts(parts: ToolParts, waiting: Waiting, ms: number): number | null | "no" {
  const { context, port, floor, listener } = parts;
  const { now } = context;
  if (!port.live) return now + ms;
  const at = Math.max(waiting.since, listener.playingUntil()) + ms;
  if (at > now) return at;
  if (floor.judging || floor.held) return now + LOOK_MS;
  if (parts.turns.unmade !== "heard" && (waiting.streams === true || !isTalking(parts))) return null;
  // It is about to be a turn, which takes the call back, or nothing.
  return at + context.limits.heldMs > now ? now + LOOK_MS : "no";
}

/** A client that says itself what its turns are sends something: what it is is known at its end. */
export function isTalking({ config, turns }: Pick<ToolParts, "config" | "turns">): boolean {
  return config.turnDetection === null && turns.unmade === "sent";
}
