/**
 * An upstream with channels as one with a single socket, for suites that know no other: what it wants done goes out as a message,
 * and what comes of a channel is a message that names the stage, whose request is the newest of that stage.
 */
import { isJsonObject, parseJsonObject, type Json, type JsonObject } from "../../../src/protocol/json.ts";
import type {
  ChannelEffect,
  Command,
  Upstream,
  UpstreamConfig,
  UpstreamEvent,
  WireMessage,
} from "../../../src/upstreams/upstream.ts";

/** What may come of a stage: one of these, or a wait that is over. */
export type Came =
  | { readonly stage: string; readonly head: { readonly status: number; readonly type: string } }
  /** Base64. */
  | { readonly stage: string; readonly data: string }
  | { readonly stage: string; readonly closed: readonly [code: number, reason: string] }
  | { readonly waited: string };

export const came = (what: Came): string => JSON.stringify(what);

export class OverChannels implements Upstream {
  readonly inner: Upstream;
  /** By stage, the channel that is open. */
  #open = new Map<string, string>();

  constructor(inner: Upstream) {
    this.inner = inner;
  }

  get capabilities() {
    return this.inner.capabilities;
  }

  request() {
    return this.inner.request();
  }

  greet(config: UpstreamConfig): readonly WireMessage[] {
    return [...this.inner.greet(config), ...this.#effects()];
  }

  encode(command: Command): readonly WireMessage[] {
    return [...this.inner.encode(command), ...this.#effects()];
  }

  decode(message: WireMessage): readonly UpstreamEvent[] {
    const given = typeof message === "string" ? parseJsonObject(message) : null;
    const events = isCame(given) ? this.#came(given) : this.inner.decode(message);
    return [...events, ...this.#effects().map((data) => ({ type: "reply", data }) as const)];
  }

  #came(given: Came): readonly UpstreamEvent[] {
    const { channels } = this.inner;
    if (channels === undefined) return [];
    if ("waited" in given) return channels.waited(given.waited);
    const channel = this.#open.get(given.stage);
    if (channel === undefined) return [];
    if ("head" in given) return channels.opened(channel, given.head);
    if ("data" in given) return channels.data(channel, Uint8Array.fromBase64(given.data));
    this.#open.delete(given.stage);
    return channels.closed(channel, ...given.closed);
  }

  #effects(): readonly string[] {
    return (this.inner.channels?.effects() ?? []).map((effect) => {
      this.#note(effect);
      return JSON.stringify({ effect });
    });
  }

  #note(effect: ChannelEffect): void {
    if (effect.type === "wait") return;
    const [stage = ""] = effect.channel.split(".");
    if (effect.type === "open") this.#open.set(stage, effect.channel);
    else if (effect.type === "close" && this.#open.get(stage) === effect.channel) this.#open.delete(stage);
  }

  closed(code: number, reason: string) {
    return this.inner.closed(code, reason);
  }

  snapshot(): JsonObject {
    return { inner: this.inner.snapshot(), open: [...this.#open] };
  }

  restore(snapshot: JsonObject): void {
    this.inner.restore(snapshot["inner"] as JsonObject);
    this.#open = new Map(snapshot["open"] as readonly (readonly [string, string])[]);
  }
}

function isCame(given: JsonObject | null): given is Came & JsonObject {
  if (given === null) return false;
  if (typeof given["waited"] === "string") return true;
  const closed: Json | undefined = given["closed"];
  const of = typeof given["data"] === "string" || isJsonObject(given["head"]) || Array.isArray(closed);
  return typeof given["stage"] === "string" && of;
}
