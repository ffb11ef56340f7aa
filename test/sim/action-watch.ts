/** Looks at every action before it is performed: nothing may be done to a peer that is not there, and nothing after the end. */
import { isObserver } from "../../src/session/control/names.ts";
import { CLIENT, type Action, type PeerId } from "../../src/session/io.ts";
import type { World } from "./world.ts";

export class ActionWatch {
  readonly #world: World;
  readonly #dialling = new Set<PeerId>();
  readonly #open = new Set<PeerId>();
  #over = false;

  constructor(world: World) {
    this.#world = world;
  }

  /** It is there: it opened, or a restored session believes so. */
  opened(peer: PeerId): void {
    this.#dialling.delete(peer);
    this.#open.add(peer);
  }

  /** What the session believes to have. */
  get peers(): readonly PeerId[] {
    return [...this.#open, ...this.#dialling];
  }

  closed(peer: PeerId): void {
    this.#dialling.delete(peer);
    this.#open.delete(peer);
  }

  check(actions: readonly Action[]): void {
    for (const action of actions) {
      if (this.#over && action.type !== "metric")
        this.#world.checks.fail("after-end", `${action.type} after the end`);
      if (action.type === "dial") this.#dial(action.peer);
      else if (action.type === "send") this.#send(action.peer);
      else if (action.type === "close") this.#close(action.peer);
      else if (action.type === "end") this.#end();
    }
    // One that serves and one successor.
    const links = [...this.#dialling, ...this.#open]
      .filter((peer) => peer.startsWith("up"))
      .map((peer) => peer.slice(0, peer.indexOf(".")));
    for (const link of links) {
      if (links.filter((one) => one === link).length > 2) this.#fail(`more than two connections of ${link}`);
    }
  }

  #end(): void {
    this.#over = true;
    // Whoever comes by itself is hung up on by the driver.
    const dialled = (peer: PeerId): boolean => peer !== CLIENT && !isObserver(peer);
    const left = [...this.#dialling, ...this.#open].filter(dialled);
    if (left.length > 0)
      this.#world.checks.fail("after-end", `the session ended and left ${left.join(", ")} open`);
  }

  #dial(peer: PeerId): void {
    if (this.#dialling.has(peer) || this.#open.has(peer)) this.#fail(`a second dial of ${peer}`);
    this.#dialling.add(peer);
  }

  #send(peer: PeerId): void {
    if (!this.#open.has(peer)) this.#fail(`a send to ${peer}, which is not open`);
  }

  #close(peer: PeerId): void {
    const known = this.#open.delete(peer);
    if (!this.#dialling.delete(peer) && !known) this.#fail(`a close of ${peer}, which is not there`);
  }

  #fail(detail: string): void {
    this.#world.checks.fail("closed-peer", detail);
  }
}
