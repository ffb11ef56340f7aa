/**
 * Where a listener's player is, by what its client says of it: the end follows the player, the pace only one that falls behind
 * (see `playout.ts`).
 */
import { endOf, rejoinAll, type Sounding, type Span } from "./in-turns.ts";

export interface Piece extends Sounding {
  readonly stream: number;
  /** Last acknowledged position, and since when it is that; null: none yet. */
  ack: { readonly ms: number; readonly at?: number } | null;
  /** The player said again where it was, though it had more to play: it plays nothing until it says something else. */
  still?: boolean;
  /** Set when playback was cut: nothing after this is heard. */
  endMs: number | null;
}

export interface PlayerClock {
  /** When the last sample sent so far will have sounded. */
  until: number;
  /** The same of a player without latency. */
  due: number;
  /** When the client last said where it is; null: it never did. */
  ackAt: number | null;
  /** How late it is when all is well: the least that was seen. */
  latencyMs: number;
  /** When an acknowledgement last said more than the one before of its item. */
  movedAt?: number;
  /** The player said again where it was, of one item and nothing else of another: it stands still since then. */
  stillAt?: number;
}

export interface Delay {
  readonly fromMs: number;
  readonly byMs: number;
}

/** Nobody plays nothing for so long by rounding. */
const STILL_MS = 100;
/** A player that is later than usual by more than this stood still. */
const STALL_MS = 250;
/** Nobody's buffers, output device and network are later than this when all is well. */
const MOST_LATENCY_MS = 1000;

/** Of a player to which nothing was sent yet. */
export function newClock(): PlayerClock {
  return { until: 0, due: 0, ackAt: null, latencyMs: MOST_LATENCY_MS };
}

/**
 * A player plays from now on what another one played, of which the last sample sounds at `endsAt`: it is as far with that, and as
 * late. Else what it played itself before would say how late it is.
 */
export function takeOver(clock: PlayerClock, former: PlayerClock, endsAt: number): void {
  const behindMs = Math.max(0, former.until - endsAt);
  clock.until = Math.max(clock.until, former.until - behindMs);
  // What it plays itself is later.
  if (former.due - behindMs <= clock.due) return;
  clock.due = former.due - behindMs;
  clock.latencyMs = former.latencyMs;
  clock.ackAt = former.ackAt;
  for (const since of ["movedAt", "stillAt"] as const) {
    const at = former[since];
    if (at === undefined) delete clock[since];
    else clock[since] = at;
  }
}

/** The client says where an item is. @param plays the player was not told to stand still. */
export function noteAcknowledged(
  clock: PlayerClock,
  piece: Piece,
  ms: number,
  now: number,
  plays: boolean,
): void {
  const { ack } = piece;
  const again = ack?.at !== undefined && ack.ms === ms && ms < piece.sentMs && plays;
  piece.still = again && now - ack.at >= STILL_MS;
  if (ms > (ack?.ms ?? 0)) {
    clock.movedAt = now;
    delete clock.stillAt;
  } else if (piece.still && ack?.at !== undefined && (clock.movedAt ?? 0) <= ack.at) clock.stillAt = ack.at;
  if (!again) piece.ack = { ms, at: now };
}

/** The player is at a position of the item since then: what is to sound after that follows it. @returns when all will have sounded. */
export function soundsFrom(
  spans: readonly Span<Piece>[],
  piece: Piece,
  ms: number,
  since: number,
): number | null {
  const at = spans.findIndex((span) => span.item === piece && span.toMs >= ms);
  const said = spans[at];
  if (!said) return null;
  let end = endOf(said);
  said.at = since - (ms - said.fromMs);
  let newEnd = endOf(said);
  // What was to sound before it has.
  for (const before of spans.slice(0, at))
    if (before.at >= said.at) before.at = said.at - (before.toMs - before.fromMs);
  for (const next of spans.slice(at + 1)) {
    const heardMs = Math.max(0, (next.item.ack?.ms ?? 0) - next.fromMs);
    if (next.item.endMs !== null || heardMs >= next.toMs - next.fromMs) continue;
    const from = followingFrom(next.at, heardMs, end, newEnd);
    end = endOf(next);
    next.at = from;
    newEnd = endOf(next);
  }
  // Where nothing else sounded in between it has gone on without a break, as far as anybody will ask.
  const other = spans.findLastIndex((span, index) => index < at && span.item !== piece);
  rejoinAll(spans.filter((_, index) => index <= other || index >= at));
  return newEnd;
}

/**
 * Where something begins now that what was before it ends at `newEnd` and not at `end`: it was to follow without a break, or
 * cannot begin before. Of what was heard in part the rest follows.
 */
function followingFrom(startsAt: number, heardMs: number, end: number, newEnd: number): number {
  return startsAt <= end + 1 && heardMs === 0 ? newEnd : Math.max(startsAt, newEnd - heardMs);
}

/** The pace follows a player that is later than it usually is. */
export function followed(clock: PlayerClock, now: number): Delay | null {
  const lateMs = clock.until - clock.due;
  if (clock.until <= now) return null;
  clock.latencyMs = Math.min(clock.latencyMs, Math.max(0, lateMs));
  const byMs = lateMs - clock.latencyMs;
  if (byMs <= STALL_MS) return null;
  clock.due += byMs;
  return { fromMs: now - byMs, byMs };
}

/** How much of each item had arrived, where the last so many milliseconds did not. */
export function arrivedOf(spans: readonly Span<Piece>[], missingMs: number): ReadonlyMap<Piece, number> {
  let missing = missingMs;
  const arrived = new Map<Piece, number>();
  for (const { item, fromMs, toMs } of spans.toReversed()) {
    const goneMs = Math.min(toMs - fromMs, missing);
    missing -= goneMs;
    arrived.set(item, (arrived.get(item) ?? item.sentMs) - goneMs);
  }
  return arrived;
}

/** The rest of these items, of which so much was heard, sounds from `time` on. @returns when all will have sounded. */
export function soundOn(
  spans: readonly Span<Piece>[],
  heard: ReadonlyMap<Piece, number>,
  time: number,
): number {
  let at = time;
  for (const span of spans) {
    const heardMs = (heard.get(span.item) ?? Infinity) - span.fromMs;
    if (heardMs >= span.toMs - span.fromMs) continue;
    span.at = at - Math.max(0, heardMs);
    at = endOf(span);
  }
  rejoinAll(spans.filter(({ item }) => heard.has(item)));
  return at;
}

/** The player stood still since `from`: what of the item had not sounded then sounds later. */
export function soundLater(piece: Piece, from: number, pausedMs: number): void {
  if (piece.startsAt + piece.sentMs > from) piece.startsAt += pausedMs;
  // Where it is said to be now says nothing of where it was while it was told to stand still.
  piece.still = false;
  if (piece.ack) piece.ack = { ms: piece.ack.ms };
  if (piece.breaks)
    piece.breaks = piece.breaks.map(({ ms, at }) => ({ ms, at: at > from ? at + pausedMs : at }));
}

/** The same of its clock. */
export function runLater(clock: PlayerClock, from: number, pausedMs: number, now: number): void {
  delete clock.stillAt;
  if (clock.until > from) clock.until += pausedMs;
  if (clock.due > from) clock.due += pausedMs;
  // Said while it stood still, it holds until it plays again.
  if (clock.ackAt !== null) clock.ackAt = Math.min(now, clock.ackAt + pausedMs);
}
