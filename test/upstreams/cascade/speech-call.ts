/** A cascade at the moment when its synthesiser is asked, led by hand. */
import { createUpstream } from "../../../src/upstreams/index.ts";
import type { ChannelEffect, UpstreamEvent, UpstreamOptions } from "../../../src/upstreams/upstream.ts";
import { CONFIG } from "../connection.ts";
import { DONE, ScriptedStages } from "./scripted-stages.ts";
import { event } from "./workers-ai-wire.ts";

/** A cascade that has an answer spoken over a socket, message by message; a head of none: its channel is open. */
export class SpeechCall {
  readonly events: UpstreamEvent[] = [];
  readonly upstream;
  readonly opened: Extract<ChannelEffect, { type: "open" }>[] = [];
  readonly effects: ChannelEffect[] = [];
  constructor(given: UpstreamOptions) {
    this.upstream = createUpstream(given);
    const stages = new ScriptedStages();
    this.upstream.greet(CONFIG);
    this.upstream.encode({ type: "commit", itemId: "t" });
    this.upstream.encode({ type: "respond", responseId: "R1", options: { params: {}, outOfBand: false } });
    for (const message of stages.words("Hello.")) this.take(this.upstream.decode(message));
    const text = this.channel;
    this.take(this.upstream.channels?.opened(text, { status: 200, type: "text/event-stream" }));
    const said = event({ response: "Good day. " }) + event({ response: "And more." }) + DONE;
    this.take(this.upstream.channels?.data(text, new TextEncoder().encode(said)));
  }
  get channel(): string {
    return this.opened.at(-1)?.channel ?? "";
  }
  take(events: readonly UpstreamEvent[] = []): void {
    for (const one of events)
      this.events.push(one.type === "audio" ? { ...one, bytes: one.bytes.slice() } : one);
    for (const effect of this.upstream.channels?.effects() ?? []) {
      this.effects.push(effect);
      if (effect.type === "open") this.opened.push(effect);
    }
  }
  say(data: string | Uint8Array): void {
    this.take(this.upstream.channels?.data(this.channel, data));
  }
  get heard(): number[] {
    return this.events.flatMap((one) => (one.type === "audio" ? [...one.bytes] : []));
  }
  get ends() {
    return this.events.filter((one) => one.type === "response.done");
  }
}
