/** One question to several upstreams, of which one gives the answer. */
import type { ResponseParams } from "../../protocol/client-events.ts";
import type { Json } from "../../protocol/json.ts";
import type { ResponseRecord } from "../state/response.ts";
import type { ResponseUpstreamEvent } from "../state/upstream-said.ts";

/** `slower`: another was heard first. `failed`: it was lost, refused, said nothing or fell silent. `cut`: all were cancelled. */
export type Outcome = "slower" | "failed" | "cut" | "not_asked";

interface Loser {
  readonly upstream: string;
  readonly outcome: Outcome;
}

export interface Round {
  /** Every answer that was asked for: the first names the round. */
  ids: readonly string[];
  /** Of these, the ones that may still be it. */
  running: readonly string[];
  /** Upstreams that are asked when nobody is heard in time; null: when nobody else can answer. */
  later: readonly { readonly stream: number; readonly at: number | null }[];
  losers: readonly Loser[];
  /** By upstream, what it said of its limits: told of the one that gives the answer. */
  limits?: readonly (readonly [number, Json])[];
  readonly params: ResponseParams;
  /** The client's event that it answers, for whoever is asked later and refuses; absent: none. */
  readonly cause?: string;
  /** The strategy by which it was asked; absent in snapshots of before. */
  readonly plan?: string;
  /** The question is certain: not one that was asked before the caller's turn is over. */
  certain: boolean;
  readonly askedAt: number;
}

export type RoundSnapshot = Readonly<Round>;

/** It can be heard from now on, or read where the answer is text; or a tool is called, which nobody takes back. */
export function isHeard(response: ResponseRecord, event: ResponseUpstreamEvent): boolean {
  if (event.type === "audio") return response.audible;
  if (event.type === "text") return response.modality === "text";
  return event.type === "item.started" && event.kind === "function_call";
}
