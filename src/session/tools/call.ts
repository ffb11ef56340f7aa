/** A call of a tool that the relay runs. */
import { parseJsonObject } from "../../protocol/json.ts";
import type { OutputItem, ResponseRecord } from "../state/response.ts";
import type { ToolFailure } from "../state/tool-plan.ts";

/** It has to be made, or its result is waited for. */
export interface Call {
  /** Its item, which names it everywhere. */
  readonly id: string;
  /** As its model calls it. */
  readonly callId: string;
  readonly name: string;
  readonly arguments: string;
  readonly response: string;
  readonly stream: number;
  /** Calls of the same answer that are the client's to answer. */
  readonly others: readonly string[];
  /** Of all calls of the session, from 1. */
  readonly number: number;
  readonly since: number;
  /** The caller may still take it back. */
  readonly waits?: true;
  /** When it began to wait its client was sending already, in push to talk: that says nothing. */
  readonly streams?: boolean;
  /** Another call of its answer has a result, of which nothing was said yet. */
  readonly told?: boolean;
}

/** @param others calls of its answer that are the client's to answer. @param number of all calls of the session. */
export function callOf(
  { id: response, stream }: ResponseRecord,
  { id, callId, name, arguments: given }: OutputItem,
  others: readonly string[],
  number: number,
  since: number,
): Call {
  return { id, callId, name, arguments: given, response, stream, others, number, since };
}

/** Calls under way at once; one more is not made. */
const MOST_CALLS = 16;

/** Why it is not made at all; null: it is. @param others under way. */
export function faultOf(response: ResponseRecord, call: Call, others: number): ToolFailure | null {
  if (response.phase !== "completed") return "cut_off";
  if (parseJsonObject(call.arguments) === null) return "invalid_arguments";
  return others >= MOST_CALLS ? "too_many" : null;
}
