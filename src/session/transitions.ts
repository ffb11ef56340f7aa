/**
 * Theory of operation. Four small machines make a session; every change of their state is a row here, and nothing
 * else changes it. What happens on a change is in `turn-taking.ts`, `responses.ts` and `link.ts`.
 *
 * TURN: who holds the microphone's audio. In `listening` audio only fills the pre-roll; `speaking` streams it to the
 * turn-based upstreams; `manual` (turn_detection null) streams everything and leaves commits to the client.
 *
 * RESPONSE: `requested` exists for the client from the moment it was asked for (the edge answers first);
 * `generating` once the upstream began; `requested` again when that upstream was lost before anything was heard. The four ends are final: late upstream events of such a response are dropped.
 *
 * FLOOR: `held` while a sound of the caller over an agent is judged. What the agent does then, stand still or go on quieter, is
 * in `giving-way.ts`.
 *
 * LINK: one connection to one upstream. `greeting` is open but not configured; commands wait in a bounded backlog
 * until `ready`. `closed` may dial again.
 */
type Table<State extends string, Event extends string> = {
  readonly [S in State]: { readonly [E in Event]?: State };
};

export type TurnPhase = "listening" | "speaking" | "manual";
export type TurnEvent = "speech_started" | "speech_stopped" | "committed" | "cleared" | "vad_on" | "vad_off";
export const TURN: Table<TurnPhase, TurnEvent> = {
  listening: {
    speech_started: "speaking",
    committed: "listening",
    cleared: "listening",
    vad_on: "listening",
    vad_off: "manual",
  },
  speaking: {
    speech_stopped: "listening",
    committed: "listening",
    cleared: "listening",
    vad_on: "speaking",
    vad_off: "manual",
  },
  manual: { committed: "manual", cleared: "manual", vad_on: "listening", vad_off: "manual" },
};

export type ResponseEnd = "completed" | "cancelled" | "incomplete" | "failed";
export type ResponsePhase = "requested" | "generating" | ResponseEnd;
export type ResponseEvent = "started" | "restarted" | ResponseEnd;
const ENDS = {
  completed: "completed",
  cancelled: "cancelled",
  incomplete: "incomplete",
  failed: "failed",
} as const;
export const RESPONSE: Table<ResponsePhase, ResponseEvent> = {
  requested: { started: "generating", restarted: "requested", ...ENDS },
  generating: { restarted: "requested", ...ENDS },
  completed: {},
  cancelled: {},
  incomplete: {},
  failed: {},
};

export type FloorPhase = "open" | "held";
export type FloorEvent = "onset" | "released";
export const FLOOR: Table<FloorPhase, FloorEvent> = {
  open: { onset: "held" },
  held: { released: "open" },
};

export type LinkPhase = "idle" | "dialling" | "greeting" | "ready" | "closed";
export type LinkEvent = "dial" | "open" | "configured" | "lost";
export const LINK: Table<LinkPhase, LinkEvent> = {
  idle: { dial: "dialling" },
  dialling: { open: "greeting", lost: "closed" },
  greeting: { configured: "ready", lost: "closed" },
  ready: { configured: "ready", lost: "closed" },
  closed: { dial: "dialling" },
};

/** The next state, or null where the table has no such row: the event came too late or twice, and is ignored. */
export function next<State extends string, Event extends string>(
  table: Table<State, Event>,
  state: State,
  event: Event,
): State | null {
  return table[state][event] ?? null;
}
