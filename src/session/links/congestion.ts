/** How a connection's socket reads: whether it is behind, since when it has taken nothing, and what it was sent all the same. */
import type { Context } from "../context.ts";

/** With more in its socket it is a slow line and no moment's delay: a second of 24 kHz PCM in base64. */
const SLOW_BYTES = 64 * 1024;

export class Congestion {
  /** It does not read as fast as it is sent to. */
  congested = false;
  readonly #context: Context;
  readonly #upstream: string;
  /** While it is congested: since when it has taken nothing at all. */
  #stuckSince = 0;
  /** Bytes that waited in its socket when that was last told. */
  #buffered = 0;
  /** Bytes of audio that it was sent all the same. */
  #overdrawn = 0;
  /** While much waited in its socket: when it last took some of it. */
  #tookAt: number | null = null;

  /** @param upstream its name in the plan, for metrics */
  constructor(context: Context, upstream: string) {
    this.#context = context;
    this.#upstream = upstream;
  }

  /** So many bytes wait in its socket. */
  buffered(bytes: number): void {
    const { upstreamBufferedBytes } = this.#context.limits;
    const most = this.congested ? upstreamBufferedBytes / 2 : upstreamBufferedBytes;
    if (bytes > most && !this.congested) this.#context.metric("upstream_congested", 1, this.#upstream);
    if (bytes < this.#buffered || !this.congested) this.#stuckSince = this.#context.now;
    if (bytes < this.#buffered && this.#buffered > SLOW_BYTES) this.#tookAt = this.#context.now;
    this.#buffered = bytes;
    this.congested = bytes > most;
    if (!this.congested) this.#overdrawn = 0;
  }

  /** So many bytes of audio are sent to it though it is congested. */
  overdraw(bytes: number): void {
    this.#overdrawn += bytes;
  }

  /** How long it has taken nothing. */
  get stuckMs(): number {
    return this.congested ? this.#context.now - this.#stuckSince : 0;
  }

  /** When its line, a slow one, last carried something of what waited: what was sent last may have come no sooner. Null: never. */
  get tookAt(): number | null {
    return this.#tookAt;
  }

  /** It may be sent audio though it is congested. */
  get overdraws(): boolean {
    return this.#overdrawn < this.#context.limits.backlogBytes;
  }

  snapshot(): CongestionSnapshot {
    return {
      congested: this.congested,
      stuckSince: this.#stuckSince,
      buffered: this.#buffered,
      overdrawn: this.#overdrawn,
    };
  }

  restore(snapshot: CongestionSnapshot): void {
    this.congested = snapshot.congested;
    this.#stuckSince = snapshot.stuckSince;
    this.#buffered = snapshot.buffered;
    this.#overdrawn = snapshot.overdrawn;
  }
}

export interface CongestionSnapshot {
  readonly congested: boolean;
  readonly stuckSince: number;
  readonly buffered: number;
  readonly overdrawn: number;
}
