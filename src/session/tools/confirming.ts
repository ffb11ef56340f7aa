/**
 * Calls that wait for the caller's silence: a route may want so much of it after an answer was heard before what the answer
 * announced is done. Who speaks, types or stops the agent meanwhile takes it back.
 */
import type { ClientPort } from "../client/client-port.ts";
import type { Context } from "../context.ts";
import type { Floor } from "../floor/floor.ts";
import type { Listener } from "../output/listener.ts";
import type { TurnTaking } from "../turns/turn-taking.ts";

/** Read when it is asked for: some of these parts are made later. */
export interface ConfirmingParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly floor: Pick<Floor, "judging" | "held">;
  readonly listener: Pick<Listener, "playingUntil">;
  readonly turns: Pick<TurnTaking, "openItem">;
}

/** How often it is looked whether a sound that is judged was anything. */
const LOOK_MS = 100;

/**
 * When the silence has lasted long enough, as far as is known now; null: it has. While nobody is there who could say no it has
 * not begun.
 */
export function silenceLasts(
  { context, port, floor, listener }: ConfirmingParts,
  since: number,
  ms: number,
): number | null {
  const { now } = context;
  if (!port.live) return now + ms;
  const at = Math.max(since, listener.playingUntil()) + ms;
  if (at > now) return at;
  return floor.judging || floor.held ? now + LOOK_MS : null;
}
