/** The upstreams of a plan: those that speak, and behind them those that are tried out. */
import type { AudioFormat } from "../audio/format.ts";
import type { AudioKernels } from "../audio/kernels.ts";
import type { UpstreamConfig, UpstreamFactory } from "../upstreams/upstream.ts";
import type { Context } from "./context.ts";
import type { LinkHost } from "./links/link-host.ts";
import { Link } from "./links/link.ts";
import type { Replay } from "./links/replay.ts";
import { inputInFormat } from "./memory/item-audio.ts";
import { Shadows } from "./shadow/shadows.ts";
import { isShadow, type Plan } from "./state/plan.ts";
import type { ServerEvent } from "./state/server-events.ts";

/** Read when it is asked for: some of these parts are made later. */
interface Parts {
  readonly context: Context;
  readonly port: { tellApplication(event: ServerEvent): void };
  readonly config: { readonly inputFormat: AudioFormat };
  readonly kernels: AudioKernels;
  readonly turns: { replay(link: Link): void; atGap(link: Link): boolean };
  /** What happens to those that speak. */
  readonly upstreamEvents: LinkHost;
  /** All, and of these those that speak: here they are made. */
  readonly links: Link[];
  readonly speakers: Link[];
}

/**
 * @param replay tells a new connection the conversation.
 * @param config what upstreams are greeted with.
 * @returns null: none is a shadow.
 */
export function linkUpstreams(
  parts: Parts,
  plan: Plan,
  create: UpstreamFactory,
  replay: Replay,
  config: () => UpstreamConfig,
): Shadows | null {
  const { context, links, speakers, upstreamEvents } = parts;
  const upstreams = plan.upstreams.slice(0, context.limits.upstreams);
  const shadows = upstreams.some(isShadow) ? shadowsOf(parts, config) : null;
  for (const [index, planned] of upstreams.entries()) {
    const host: LinkHost = (isShadow(planned) ? shadows : null) ?? upstreamEvents;
    const link = new Link(index, planned, create, context, host, replay);
    links.push(link);
    if (host === upstreamEvents) speakers.push(link);
  }
  return shadows;
}

function shadowsOf(parts: Parts, upstreamConfig: () => UpstreamConfig): Shadows {
  return new Shadows(parts, {
    upstreamConfig,
    paramsFor: (link, params) => inputInFormat(params, parts.config.inputFormat, link.format, parts.kernels),
    hearAgain: (link: Link) => parts.turns.replay(link),
    atGap: (link: Link) => parts.turns.atGap(link),
  });
}
