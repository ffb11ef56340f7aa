/** The background mind that a session has, from that of its route. */
import type { BackgroundPlan } from "../session/state/background-plan.ts";
import type { UpstreamOptions } from "../upstreams/upstream.ts";
import { AT_ONCE, DELEGATE, STALE_MS } from "./background.ts";
import type { RouteConfig } from "./define.ts";
import { priceChosen } from "./prices.ts";

type BackgroundConfig = NonNullable<RouteConfig["background"]>;

const DESCRIPTION =
  "Hands a task on to a colleague who can think, look up and work for longer than a conversation waits: for whatever you cannot " +
  "answer at once. The conversation goes on meanwhile, and you are told what came of it.";
const INSTRUCTIONS =
  "You work behind a voice that is talking with somebody on the telephone. You are given their conversation and a task. Do the " +
  "task and answer with its result alone, in a few plain sentences without lists or signs: the voice tells it in its own words. " +
  "If you cannot do it, say in a sentence what is missing.";

/** @param text the text model, with what it names of the Worker's environment */
export function resolveBackground(config: BackgroundConfig, text: UpstreamOptions): BackgroundPlan {
  const { name = DELEGATE, description = DESCRIPTION, instructions = INSTRUCTIONS, tools = [] } = config;
  const { announce = true, staleMs = STALE_MS, atOnce = AT_ONCE } = config;
  const said = { name, description, instructions, tools, announce, staleMs, atOnce };
  return { text, ...priceChosen(config.text), ...said };
}
