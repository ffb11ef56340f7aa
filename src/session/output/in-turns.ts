/**
 * What was sent to one player, in the order in which it plays it: of several items that sound in turns, piece by piece, each
 * has as many spans as it was begun or gone on with.
 */
export interface Sounding {
  sentMs: number;
  /** When its first sample sounds, or would have if all of it had sounded without a break. */
  startsAt: number;
  /** Where something else sounded in between, or nothing: so much of it had sounded by then. */
  breaks?: readonly Break[];
}

export interface Break {
  readonly ms: number;
  readonly at: number;
}

/** A part of an item that sounds without a break. */
export interface Span<Item extends Sounding> {
  readonly item: Item;
  readonly fromMs: number;
  readonly toMs: number;
  /** When it begins to sound. */
  at: number;
}

/** When a position of the item sounds. */
export function soundsAt({ startsAt, breaks = [] }: Sounding, ms: number): number {
  const next = breaks.find((one) => one.ms >= ms);
  return next === undefined ? startsAt + ms : next.at - (next.ms - ms);
}

/** The spans of items that share a player, in its order. */
export function spansOf<Item extends Sounding>(items: readonly Item[]): readonly Span<Item>[] {
  return items.flatMap((item) => spans(item)).toSorted((one, other) => one.at - other.at);
}

function spans<Item extends Sounding>(item: Item): readonly Span<Item>[] {
  let fromMs = 0;
  const broken = (item.breaks ?? []).map(({ ms, at }) => {
    const span = { item, fromMs, toMs: ms, at: at - (ms - fromMs) };
    fromMs = ms;
    return span;
  });
  return [...broken, { item, fromMs, toMs: item.sentMs, at: item.startsAt + fromMs }];
}

export function endOf({ at, fromMs, toMs }: Span<Sounding>): number {
  return at + toMs - fromMs;
}

/** These spans were moved, and are all that is still to be known of their items: what sounds without a break again is one. */
export function rejoinAll(moved: readonly Span<Sounding>[]): void {
  for (const item of new Set(moved.map((span) => span.item))) rejoin(item, moved);
}

function rejoin(item: Sounding, moved: readonly Span<Sounding>[]): void {
  const own = moved.filter((span) => span.item === item);
  const [first] = own;
  if (first === undefined) return;
  const breaks: Break[] = [];
  let startsAt = first.at - first.fromMs;
  for (const [index, span] of own.entries()) {
    const before = own[index - 1];
    if (before === undefined || Math.abs(span.at - endOf(before)) <= 1e-6) continue;
    breaks.push({ ms: before.toMs, at: startsAt + before.toMs });
    startsAt = span.at - span.fromMs;
  }
  item.startsAt = startsAt;
  if (breaks.length > 0) item.breaks = breaks;
  else delete item.breaks;
}
