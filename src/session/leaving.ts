/** The session is to end when what is being said has been heard: whoever hangs up cuts no farewell. */
import type { Conduct } from "./conduct.ts";

const END = "leaving:end";
const LOOK = "leaving:look";
/** So soon after it was heard. */
const LOOK_MS = 50;

export class Leaving {
  readonly #conduct: Conduct;

  constructor(conduct: Conduct) {
    this.#conduct = conduct;
  }

  get asked(): boolean {
    return this.#conduct.context.deadlines.get(END) !== null;
  }

  ask(): void {
    const { context, doubt, port } = this.#conduct;
    // Nobody hears anything.
    if (!port.connected || doubt.kept !== null) return this.due();
    if (!this.asked) context.deadlines.set(END, context.now + context.limits.leavingMs);
  }

  /** Call when the state of the session may have changed. */
  settle(): void {
    if (!this.asked) return;
    const { context, quiet } = this.#conduct;
    if (quiet) this.due();
    else context.deadlines.set(LOOK, context.now + LOOK_MS);
  }

  /** The caller has something to say still. */
  calledOff(): void {
    if (!this.asked) return;
    const { context, port } = this.#conduct;
    for (const name of [END, LOOK]) context.deadlines.clear(name);
    port.tellApplication({ type: "relay.end.cancelled" });
  }

  due(what = "end"): void {
    if (what === "end") this.#conduct.presence.terminate("the call was ended");
  }
}
