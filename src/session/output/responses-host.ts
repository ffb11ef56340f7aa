/** What responses ask of the session. */
import type { AudioFormat } from "../../audio/format.ts";
import type { ResponseParams } from "../../protocol/client-events.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { GateHost } from "./output-gate.ts";
import type { ResponseDefaults } from "./response-defaults.ts";
import type { ResponseRecord } from "../state/response.ts";
import type { Rounds } from "./rounds.ts";
import type { Guard, Link } from "./ports.ts";

/** The listener's side of an answer. */
export interface ListenerSide extends GateHost {
  /** What is said now reaches the client now. */
  readonly live: boolean;
  /** How long an answer of this stream may stand still. */
  patienceMs(stream: number): number;
}

export interface ResponsesHost {
  readonly listener: ListenerSide;
  /** `params`: what the client asked for of this one. */
  responseDefaults(params: ResponseParams): ResponseDefaults;
  link(stream: number): Link | undefined;
  /** The client's parameters, whose audio is of `format`, as this upstream takes them. */
  paramsFor(link: Link, params: JsonObject, format: AudioFormat): JsonObject;
  /** The relay truncates this item where it was heard, in the same call of `handle`. */
  truncates(itemId: string): boolean;
  /** More of an answer is about to be sent. */
  onAudio(): void;
  onResponseDone(response: ResponseRecord): void;
  /** A provider said what an answer cost: once for each, whatever became of the answer. `told`: the client knows of it. */
  onUsage(usage: JsonObject, link: Link, told: boolean): void;
  /** Several were asked, of which one gives the answer. */
  readonly rounds: Rounds;
  /** Judges words before they pass; null: nobody does. */
  readonly guard: Pick<Guard, "output" | "refused"> | null;
  /** The item of an answer is one of the conversation from now on. */
  onItem(response: ResponseRecord, itemId: string): void;
  /** The listener's stream that an upstream is heard on. */
  channelOf(stream: number): number;
  /** It says nothing that can be heard. */
  onSilent(link: Link, response: ResponseRecord): void;
}
