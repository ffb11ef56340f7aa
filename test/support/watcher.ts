/** The application's own connection to a call. */
import type { JsonObject } from "../../src/protocol/json.ts";
import type { Call, Received } from "./call.ts";

/** An observer as a test sees it. */
export class Watcher {
  readonly peer: string;
  readonly #call: Call;

  constructor(call: Call, number = 1, { audio = false, again = false } = {}) {
    this.peer = `control:${number}`;
    this.#call = call;
    call.open.add(this.peer);
    call.input({ type: "observer", peer: this.peer, audio, again });
  }

  get events(): readonly Received[] {
    return (this.#call.sent.get(this.peer) ?? []) as readonly unknown[] as readonly Received[];
  }

  get types(): readonly string[] {
    return this.events.map(({ type }) => type).filter((type, at, all) => type !== all[at - 1]);
  }

  last(type: string): Received {
    const found = this.events.findLast((event) => event.type === type);
    if (!found) throw new Error(`the observer got no ${type}, but ${this.types.join(", ")}`);
    return found;
  }

  say(event: JsonObject | string): void {
    const data = typeof event === "string" ? event : JSON.stringify(event);
    this.#call.input({ type: "message", peer: this.peer, data });
  }
}
