/**
 * Mutual silence costs nothing: when nobody has said anything for a while, the upstreams are hung up, and with nothing else
 * to do the object may sleep. The first speech, or the first word of the client, dials them again; what is said
 * meanwhile waits in the history and reaches them from its onset on.
 */
import type { Context } from "../context.ts";
import type { Link } from "./link.ts";

/** Read when it is asked for: some of these parts are made later. */
interface ParkingParts {
  readonly context: Context;
  /** All that is connected. */
  readonly lines: readonly Link[];
  /** Nothing is asked, being said, being heard or half said. */
  readonly quiet: boolean;
}

export class Parking {
  readonly #parts: ParkingParts;
  readonly #context: Context;
  #activeAt: number;

  constructor(parts: ParkingParts) {
    this.#parts = parts;
    this.#context = parts.context;
    this.#activeAt = parts.context.now;
  }

  /** Somebody says or does something. */
  touch(): void {
    this.#activeAt = this.#context.now;
    const { parkMs } = this.#context.limits;
    if (parkMs > 0 && this.#context.deadlines.get("park") === null) this.#lookIn(parkMs);
  }

  #lookIn(ms: number): void {
    this.#context.deadlines.set("park", this.#context.now + ms);
  }

  /** The deadline `park` came. */
  due(): void {
    if (!this.#parts.quiet) this.#activeAt = this.#context.now;
    const leftMs = this.#activeAt + this.#context.limits.parkMs - this.#context.now;
    if (leftMs > 0) this.#lookIn(leftMs);
    else this.#park();
  }

  /** One that is being dialled may still hear what was said, as long as the history holds it. */
  #park(): void {
    const { lines } = this.#parts;
    const { now, limits } = this.#context;
    const heldMs = this.#activeAt + limits.inputHistoryMs - now;
    const waiting = heldMs > 0 ? lines.filter((link) => link.phase !== "ready" && !link.dormant) : [];
    const parked = lines.filter((link) => !waiting.includes(link) && link.park());
    if (waiting.length > 0) this.#lookIn(heldMs);
    if (parked.length > 0) this.#parked();
  }

  #parked(): void {
    this.#context.metric("sessions_parked", 1);
    this.#context.persist();
  }

  snapshot(): number {
    return this.#activeAt;
  }

  restore(activeAt: number): void {
    this.#activeAt = activeAt;
  }
}
