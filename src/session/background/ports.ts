/** What the background mind asks of other parts of the session. */
import type { Entry } from "../memory/entry.ts";
import type { PlacingParts } from "../memory/place-item.ts";
import type { ServerEvent } from "../state/server-events.ts";
import type { ToolResult } from "../state/tool-plan.ts";

/** Tells the client and the application how tasks stand. */
export interface ClientPort {
  /** What is emitted now reaches the client now. */
  readonly live: boolean;
  tell(event: ServerEvent): void;
}

/** The upstream that a task is of. */
interface Link {
  readonly capabilities: { readonly turns: string };
}

/** Has a speaker tell what came of a task. */
interface Asking {
  goOn(stream: number): boolean;
}

/** Knows what still plays. */
export interface Listener {
  playingUntil(): number;
}

/** Calls that are answered by a task, and the record that all calls are on before they are made. */
export interface Calls {
  /** Something is to be on record before it is done. @returns its number */
  record(): number;
  isRecorded(number: number): boolean;
  /** A call that was not answered at once has its result. */
  answer(id: string, result: ToolResult): void;
}

/** A call of a speaker's that hands on a task. */
export interface HandedOn {
  /** Its item, which names it everywhere. */
  readonly id: string;
  /** As its model calls it. */
  readonly callId: string;
  readonly arguments: string;
  readonly response: string;
  readonly stream: number;
}

/** Judges what the caller says. */
interface InputGuard {
  /** Nothing that the caller says in this item is still to be judged. */
  passed(entry: Entry): boolean;
}

/** Read when it is asked for: some of these parts are made later. */
export interface BackgroundParts extends PlacingParts {
  /** Null: nobody judges words. */
  readonly guard: { readonly input: InputGuard | null } | null;
  readonly port: PlacingParts["port"] & ClientPort;
  readonly links: readonly (PlacingParts["links"][number] & Link)[];
  readonly asking: Asking;
  readonly listener: Listener;
  /** Nothing is asked, being said, being heard or half said, but for what still plays. */
  readonly unasked: boolean;
}
