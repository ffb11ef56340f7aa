/** Answers that their provider says are whole, and of which nobody hears anything. */
import type { UpstreamEvent } from "../../upstreams/upstream.ts";
import { isActive, type ResponseRecord } from "../state/response.ts";

type Done = Extract<UpstreamEvent, { type: "response.done" }>;

/** Sound was asked for, and words alone came. */
export function isUnspoken(response: ResponseRecord): boolean {
  const { modality, audible, silentMs, items } = response;
  if (modality !== "audio" || !answers(response) || audible || silentMs > 0 || items.length === 0)
    return false;
  const parts = items.flatMap((item) => (item.kind === "message" ? item.parts : []));
  const words = parts.some(({ text }) => text !== "") && parts.every(({ audioMs }) => audioMs === 0);
  return words && items.every(({ kind }) => kind === "message");
}

/**
 * Nothing at all came, as of the answer before: not a word that was paid for. A model that has nothing to say says so once, or
 * for some tokens; one that is stuck goes on so for the rest of its session.
 * @param records in the order in which they were made
 */
export function saysNothingAgain(
  response: ResponseRecord,
  done: Done,
  records: Iterable<ResponseRecord>,
): boolean {
  if (done.status !== "completed" || !isNothing(response, done.usage)) return false;
  let before: ResponseRecord | null = null;
  for (const one of records) {
    if (one === response) break;
    if (one.stream === response.stream && answers(one)) before = one;
  }
  if (before === null || isActive(before)) return false;
  const inARow = before.progressAt < response.askedAt;
  return inARow && before.phase === "completed" && isNothing(before, before.usage);
}

const answers = ({ asked, outOfBand, own }: ResponseRecord): boolean =>
  asked && !outOfBand && own === undefined;

function isNothing(response: ResponseRecord, usage: Done["usage"]): boolean {
  const tokens = usage?.["output_tokens"];
  return answers(response) && response.items.length === 0 && !(typeof tokens === "number" && tokens > 0);
}
