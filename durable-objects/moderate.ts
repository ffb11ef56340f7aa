/**
 * Asks a moderator about words. Every question settles within a bounded time; why one failed is of interest to nobody but the
 * counters, and what was said is never logged.
 */
import type { Json } from "../src/protocol/json.ts";
import { moderatorOf } from "../src/session/guard/moderators/index.ts";
import type { Moderator, ServiceRequest } from "../src/session/guard/moderators/moderator.ts";
import type { GuardPlan } from "../src/session/state/guard-plan.ts";
import type { Services } from "./asked.ts";
import { runModel } from "./model-dial.ts";
import { shortJson } from "./short-json.ts";
import { within } from "./within.ts";

/** A guard waits for less; this only bounds what is left behind. */
const MOST_MS = 10_000;
const MOST_ANSWER_BYTES = 65_536;

type Moderate = Services["moderate"];

/** @param env where the bindings are that the plan names. */
export function createModerate(plan: GuardPlan | undefined, env: object): Moderate {
  const made = new Map<string, Moderator>();
  return async (side, index, text) => {
    const choice = plan?.[side]?.moderators[index];
    if (choice === undefined) throw new Error("the plan names no such moderator");
    const name = `${side} ${index}`;
    const moderator = made.get(name) ?? moderatorOf(choice);
    made.set(name, moderator);
    if ("judge" in moderator) return moderator.judge(text);
    return moderator.read(await answerOf(moderator.ask(text), env));
  };
}

async function answerOf(request: ServiceRequest, env: object): Promise<Json | undefined> {
  if (request.type === "http") return overHttp(request);
  const { binding, model, input: inputs } = request;
  return within(MOST_MS, async (signal) =>
    jsonOf(await runModel({ binding, model, inputs, gives: "response" }, env, signal)),
  );
}

function jsonOf(response: Response): Promise<Json> {
  return shortJson(response, MOST_ANSWER_BYTES);
}

async function overHttp({ url, headers, body }: Extract<ServiceRequest, { type: "http" }>): Promise<Json> {
  const response = await fetch(url, {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/json" },
    body: JSON.stringify(body),
    // Not followed: the headers may hold a secret.
    redirect: "manual",
    signal: AbortSignal.timeout(MOST_MS),
  });
  return jsonOf(response);
}
