/** What `GET /v1/sessions/:id` shows of a session: no transcripts, no audio. */
import type { Conduct } from "./conduct.ts";
import type { SessionState } from "./io.ts";
import type { SessionSetup } from "./setup.ts";
import { TICKS_PER_MS } from "./state/ticks.ts";

export function stateOf(
  conduct: Conduct,
  { id, model, plan }: SessionSetup,
  status: SessionState["status"],
  now: number,
): SessionState {
  const { createdAt, context, turns, responses, lines, input, playout, usage, costs, links, speakers, cast } =
    conduct;
  const planNow = cast.shown;
  return {
    id,
    object: "relay.session",
    status,
    model,
    ...(plan.experiment !== undefined && { experiment: { name: plan.experiment, arm: plan.name } }),
    created_at: Math.floor(createdAt / 1000),
    expires_at: Math.floor((createdAt + context.limits.sessionMs) / 1000),
    ...(planNow && { plan: planNow }),
    turns: turns.count,
    responses: responses.count,
    upstreams: lines.map((link) => ({
      name: link.name,
      status: link.phase,
      ...(!speakers.includes(link) && links.includes(link) && { role: "shadow" as const }),
      ...(Object.keys(link.usage).length > 0 && { usage: { ...link.usage } }),
    })),
    audio: {
      received_ms: Math.round(input.ticks / TICKS_PER_MS),
      sent_ms: Math.round(playout.totalMs),
    },
    usage: { ...usage },
    ...(costs && { cost: costs.shownAt(now) }),
  };
}
