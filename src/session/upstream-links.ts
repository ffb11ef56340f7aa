/** The upstreams of a plan: those that speak, behind them those that are tried out, and beside them one that transcribes. */
import type { UpstreamFactory } from "../upstreams/upstream.ts";
import type { LinkHost } from "./links/link-host.ts";
import { Link } from "./links/link.ts";
import { Replay } from "./links/replay.ts";
import { Shadows } from "./shadow/shadows.ts";
import { isShadow, type Plan } from "./state/plan.ts";
import { Transcriber } from "./turns/transcriber.ts";
import type { TranscriberParts } from "./turns/transcribing.ts";

type ReplayParts = ConstructorParameters<typeof Replay>[0];
type ShadowParts = ConstructorParameters<typeof Shadows<Link>>[0];

interface Parts extends ReplayParts, ShadowParts {
  readonly context: ReplayParts["context"];
  readonly kernels: ReplayParts["kernels"];
  /** What happens to those that speak. */
  readonly upstreamEvents: LinkHost;
  /** All, and of these those that speak: here they are made. */
  readonly links: Link[];
  readonly speakers: Link[];
}

/** @returns null: none is a shadow. */
export function linkUpstreams(parts: Parts, plan: Plan, create: UpstreamFactory): Shadows<Link> | null {
  const { context, links, speakers, upstreamEvents } = parts;
  const upstreams = plan.upstreams.slice(0, context.limits.upstreams);
  const shadows = upstreams.some(isShadow) ? new Shadows<Link>(parts) : null;
  const replay = new Replay(parts);
  for (const [index, planned] of upstreams.entries()) {
    const host: LinkHost = (isShadow(planned) ? shadows : null) ?? upstreamEvents;
    const link = new Link(index, planned, create, context, host, replay);
    links.push(link);
    if (host === upstreamEvents) speakers.push(link);
  }
  return shadows;
}

/** @param parts with the links of all others. @returns null: the plan has none. */
export function linkTranscriber(
  parts: TranscriberParts & { readonly links: readonly Link[] },
  { transcriber: planned }: Plan,
  create: UpstreamFactory,
): Transcriber<Link> | null {
  if (!planned) return null;
  const { context, links } = parts;
  const link = (told: LinkHost) => new Link(links.length, planned, create, context, told, null);
  return new Transcriber(parts, { planned, link });
}
