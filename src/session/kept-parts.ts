/** The registry of parts that have a member of their own in a snapshot: it is taken and built again by a loop. */
import type { Conduct } from "./conduct.ts";
import type { SessionSnapshot } from "./snapshot.ts";

type Name =
  | "port"
  | "delivery"
  | "config"
  | "conversation"
  | "playout"
  | "backpressure"
  | "writer"
  | "responses"
  | "floor"
  | "eager"
  | "owed"
  | "asking"
  | "placed"
  | "recovery"
  | "turnEnd"
  | "input"
  | "turns";

interface Part<State> {
  snapshot(): State;
  restore(state: State): void;
}

type Parts = { readonly [name in Name]: Part<SessionSnapshot[name]> };

/** In the order in which they are built again: some look at those before them. */
function partsOf(conduct: Conduct): Parts {
  const { port, delivery, config, conversation, playout, backpressure, writer, responses, floor } = conduct;
  const { eager, absence, asking, placed, recovery, turnEnd, input, turns } = conduct;
  return {
    port,
    delivery,
    config,
    conversation,
    playout,
    backpressure,
    writer,
    responses,
    floor,
    eager,
    owed: absence,
    asking,
    placed,
    recovery,
    turnEnd,
    input,
    turns,
  };
}

export function snapshotOfParts(conduct: Conduct): Pick<SessionSnapshot, Name> {
  const states = Object.entries(partsOf(conduct)).map(([name, part]) => [name, part.snapshot()] as const);
  return Object.fromEntries(states) as unknown as Pick<SessionSnapshot, Name>;
}

export function restoreKept(conduct: Conduct, snapshot: Pick<SessionSnapshot, Name>): void {
  const parts: Readonly<Record<string, Part<unknown>>> = partsOf(conduct);
  for (const [name, part] of Object.entries(parts)) part.restore(snapshot[name as Name]);
}
