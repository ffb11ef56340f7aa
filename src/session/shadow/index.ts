/** The upstreams of a plan: those that speak, and behind them those that are tried out. */
import { inputInFormat } from "../memory/item-audio.ts";
import type { Conduct } from "../conduct.ts";
import { Link } from "../links/link.ts";
import { isShadow, type Plan } from "../state/plan.ts";
import type { UpstreamConfig, UpstreamFactory } from "../../upstreams/upstream.ts";
import { Shadows } from "./shadows.ts";

/** @param config what upstreams are greeted with. @returns null: none is a shadow. */
export function castUpstreams(
  conduct: Conduct,
  plan: Plan,
  create: UpstreamFactory,
  config: () => UpstreamConfig,
): Shadows | null {
  const { context, links, speakers, upstreamEvents } = conduct;
  const upstreams = plan.upstreams.slice(0, context.limits.upstreams);
  const shadows = upstreams.some(isShadow) ? shadowsOf(conduct, config) : null;
  for (const [index, planned] of upstreams.entries()) {
    const host = (isShadow(planned) ? shadows : null) ?? upstreamEvents;
    const link = new Link(index, planned, create, context, host);
    links.push(link);
    if (host === upstreamEvents) speakers.push(link);
  }
  return shadows;
}

function shadowsOf(conduct: Conduct, upstreamConfig: () => UpstreamConfig): Shadows {
  const { config, upstreamEvents } = conduct;
  return new Shadows(conduct, {
    upstreamConfig,
    paramsFor: (link, params) => inputInFormat(params, config.inputFormat, link.format, conduct.kernels),
    replay: upstreamEvents.replay,
    hearAgain: (link) => conduct.turns.replay(link),
    atGap: (link) => conduct.turns.atGap(link),
  });
}
