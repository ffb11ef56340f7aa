/**
 * The scenarios, all from one seed: over-the-agent sounds of every kind (one per call), and calls of several turns by
 * fluent, fast and hesitant speakers. Categories after Full-Duplex-Bench (Lin et al., 2025): pause handling, smooth
 * turn-taking, backchannel, user interruption, overlap; and what callers' rooms add to them.
 */
import { objectAt } from "../../src/upstreams/json.ts";
import { withTurnDetection } from "./draw.ts";
import { FLOOR_CALLS, floorCall, ROUGH_CALLS } from "./floor-calls.ts";
import type { CallScript } from "./script.ts";
import { turnsCall, TURNS_CALLS } from "./turn-calls.ts";

export const DEFAULT_SEED = 20_261_123;

/** Every `every`-th call of each kind; the same seed gives the same calls. */
export function makeSuite(seed: number, every: number): CallScript[] {
  const floor = Object.values(FLOOR_CALLS).flatMap((what, kind) =>
    Array.from({ length: what.calls }, (_, index) =>
      index % every === 0 ? [floorCall(what, index, seed + kind * 1000 + index)] : [],
    ).flat(),
  );
  const turns = TURNS_CALLS.flatMap((what) => {
    const base = seed + 50_000 + what.series * 100;
    return Array.from({ length: what.calls }, (_, index) =>
      index % every === 0 ? [turnsCall(what, index, base + index)] : [],
    ).flat();
  });
  return [...turns, ...floor];
}

/** Echoes and interruptions over them in rooms of another kind. */
export function makeRoughRooms(seed: number): CallScript[] {
  return Object.values(ROUGH_CALLS).flatMap((what, kind) =>
    Array.from({ length: what.calls }, (_, index) =>
      floorCall(what, index, seed + 70_000 + kind * 1000 + index),
    ),
  );
}

/** The calls of hesitant and fluent speakers again with plain fixed silence. */
export function withFixedSilence(scripts: readonly CallScript[], silenceMs: number): CallScript[] {
  const session = withTurnDetection({ type: "server_vad", silence_duration_ms: silenceMs });
  return scripts
    .filter(({ group }) => group === "turns")
    .map((script) => ({ ...script, id: `${script.id}@${silenceMs}`, session }));
}

/** The same call by a client whose player goes on quieter while a sound is judged. */
export function withDucking(script: CallScript): CallScript {
  const relay = objectAt(script.session, "relay") ?? {};
  return { ...script, session: { ...script.session, relay: { ...relay, player: { duck: true } } } };
}
