/** What the relay's tools ask of other parts of the session. */
import type { TurnDetection } from "../../protocol/session-config.ts";
import type { PlacingParts } from "../memory/place-item.ts";
import type { ServerEvent } from "../state/server-events.ts";
import type { ToolResult } from "../state/tool-plan.ts";
import type { Call } from "./call.ts";

/** Tells the client and the application how calls stand. */
interface ClientPort {
  /** What is emitted now reaches the client now. */
  readonly live: boolean;
  tell(event: ServerEvent): void;
}

/** Asks a model to go on with what its calls gave. */
interface Asking {
  /** @returns false: it can not be asked now. */
  goOn(stream: number): boolean;
}

/** Works on what speakers hand on: some calls begin a task of its. */
export interface Background {
  readonly busy: boolean;
  /** How long a call that is not answered at once may take. */
  readonly resultMs: number;
  /** @returns what its speaker is told at once; null: its result, when it is there */
  begin(call: Call): ToolResult | null;
  /** A call of a task has its result. */
  result(id: string, result: ToolResult): void;
  settle(): void;
}

/** Knows what still plays. */
interface Listener {
  playingUntil(): number;
}

/** Judges a sound over an agent, and holds the agent meanwhile. */
interface Floor {
  readonly judging: boolean;
  readonly held: boolean;
}

/** Knows who speaks. */
interface TurnTaking {
  /** The item that the turn being spoken will become; null: nobody speaks. */
  readonly openItem: string | null;
  /** What somebody says that is no turn yet; null: nothing. */
  readonly unmade: "heard" | "sent" | null;
}

/** Read when it is asked for: some of these parts are made later. */
export interface ToolParts extends PlacingParts {
  readonly port: PlacingParts["port"] & ClientPort;
  readonly asking: Asking;
  readonly background: Background | null;
  readonly config: { readonly turnDetection: Pick<TurnDetection, "type"> | null };
  readonly floor: Floor;
  readonly listener: Listener;
  readonly turns: TurnTaking;
}
