/** Requests to the text model and the synthesiser, as what is to be done with channels. */
import type { ChannelEffect, JsonObject, WireMessage } from "../upstream.ts";
import type { CascadeSettings } from "./settings.ts";

const LASTS_MS = 120_000;

export class Requests {
  readonly #effects: ChannelEffect[] = [];

  take(): readonly ChannelEffect[] {
    return this.#effects.splice(0);
  }

  /** @param most bytes of its response */
  open(
    channel: string,
    { dial, answerMs, idleMs }: CascadeSettings["text" | "speech"],
    asked: JsonObject,
    most: number,
  ): void {
    const opening = { request: dial(asked), openMs: answerMs, idleMs, lastsMs: LASTS_MS, most };
    this.#effects.push({ type: "open", channel, opening });
  }

  send(channel: string, data: WireMessage): void {
    this.#effects.push({ type: "send", channel, data });
  }

  close(channel: string | null): void {
    if (channel !== null) this.#effects.push({ type: "close", channel });
  }
}
