/** Faults of upstreams, as the client is told of them. */
import type { UpstreamFault } from "../../upstreams/upstream.ts";
import type { Link } from "./link.ts";
import type { ClientPort } from "./ports.ts";

interface ToldFault {
  readonly words: string;
  readonly losses: number;
}

export class ToldFaults {
  readonly #port: Pick<ClientPort, "failed">;
  /** By upstream, the last fault that was told and how many losses there had been in a row: it is told once. */
  readonly #told = new Map<number, ToldFault>();

  constructor(port: Pick<ClientPort, "failed">) {
    this.#port = port;
  }

  tell(link: Link, fault: UpstreamFault): void {
    this.#port.failed(fault.code, `${link.name}: ${fault.message}`);
  }

  /** The same fault again and again, with nothing of use between, is one. */
  tellOnce(link: Link, fault: UpstreamFault, lost: boolean): void {
    const words = `${fault.code}: ${fault.message}`;
    const told = this.#told.get(link.index);
    this.#told.set(link.index, { words, losses: link.failures });
    // The losses of a row are counted up: no more than when it was told, and it is another row.
    if (told?.words !== words || (lost && link.failures <= told.losses)) this.tell(link, fault);
  }

  snapshot(): ToldFaultsSnapshot {
    return [...this.#told];
  }

  restore(told: ToldFaultsSnapshot): void {
    for (const [link, fault] of told) this.#told.set(link, fault);
  }
}

export type ToldFaultsSnapshot = readonly (readonly [number, ToldFault])[];
