/** Faults of upstreams, as the client is told of them. */
import type { UpstreamFault } from "../../upstreams/upstream.ts";
import { isBeyondMending } from "../state/faults.ts";
import type { Link } from "./link.ts";
import type { ClientPort } from "./ports.ts";

interface ToldFault {
  readonly words: string;
  readonly losses: number;
}

export class ToldFaults {
  readonly #port: Pick<ClientPort, "audience" | "failed">;
  /** By upstream, the last fault that was told and how many losses there had been in a row: it is told once. */
  readonly #told = new Map<number, ToldFault>();

  constructor(port: Pick<ClientPort, "audience" | "failed">) {
    this.#port = port;
  }

  /** It is the last of its upstream. `costs`: nobody takes the place of that. */
  tellLast(link: Link, fault: UpstreamFault, costs: boolean): void {
    const message = `${fault.message} No further attempt is made by itself.`;
    this.#tell(link, { ...fault, message }, costs);
  }

  #tell(link: Link, fault: UpstreamFault, costs: boolean): void {
    const tell = (): void => this.#port.failed(fault.code, `${link.name}: ${fault.message}`);
    if (costs) tell();
    else this.#port.audience.harmlessly(tell);
  }

  /** The same fault again and again, with nothing of use between, is one. What is tried again may come right. */
  tellOnce(link: Link, fault: UpstreamFault, lost: boolean, costs = true): void {
    const words = `${fault.code}: ${fault.message}`;
    const told = this.#told.get(link.index);
    this.#told.set(link.index, { words, losses: link.failures });
    // The losses of a row are counted up: no more than when it was told, and it is another row.
    if (told?.words === words && !(lost && link.failures <= told.losses)) return;
    this.#tell(link, fault, costs && !link.hasFallback && isBeyondMending(fault));
  }

  snapshot(): ToldFaultsSnapshot {
    return [...this.#told];
  }

  restore(told: ToldFaultsSnapshot): void {
    for (const [link, fault] of told) this.#told.set(link, fault);
  }
}

export type ToldFaultsSnapshot = readonly (readonly [number, ToldFault])[];
