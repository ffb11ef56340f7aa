/** A cascade and its scripted stages, joined without a socket and ready. */
import { createUpstream } from "../../../src/upstreams/index.ts";
import type {
  JsonObject,
  RespondOptions,
  Upstream,
  UpstreamConfig,
  UpstreamOptions,
} from "../../../src/upstreams/upstream.ts";
import { chunk, CONFIG, Connection } from "../connection.ts";
import { OverChannels } from "./over-channels.ts";
import { CASCADE, ScriptedStages } from "./scripted-stages.ts";

export const TRANSCRIBED: UpstreamConfig = { ...CONFIG, transcription: { model: "any" } };

/** What the session would call the item of this key. */
export const nameOf = (key: string): string => `item_of_${key}`;

export class Led extends Connection {
  readonly stages: ScriptedStages;

  constructor(config: UpstreamConfig = CONFIG, options: UpstreamOptions = CASCADE) {
    const stages = new ScriptedStages();
    super(new OverChannels(createUpstream(options)), stages, config);
    this.stages = stages;
  }

  /** As the session does, every item is named as soon as it begins. */
  override hear(messages: Parameters<Connection["hear"]>[0]) {
    const before = this.events.length;
    for (const message of messages) {
      for (const event of super.hear([message])) {
        if (event.type !== "item.started") continue;
        this.send({ type: "named", what: "item", key: event.item, id: nameOf(event.item) });
      }
    }
    return this.events.slice(before);
  }

  say(ms: number): void {
    this.send({ type: "audio", chunk: chunk(new Uint8Array(ms * 32).fill(1)) });
  }

  respond(responseId: string, params: JsonObject = {}, outOfBand = false): void {
    const options: RespondOptions = { params, outOfBand };
    this.send({ type: "respond", responseId, options });
  }

  /** A turn that is over, whose words have come, and an answer that is asked for. */
  turn(words: string, responseId = "R1", itemId = `turn_of_${responseId}`): void {
    this.say(160);
    this.send({ type: "commit", itemId });
    this.respond(responseId);
    this.hear(this.stages.words(words));
  }

  user(text: string, id = "typed", previousItemId: string | null = null): void {
    const content = [{ type: "input_text", text }];
    this.send({ type: "item", item: { id, type: "message", role: "user", content }, previousItemId });
  }

  /** Goes on from a snapshot. */
  moved(options: UpstreamOptions = CASCADE): void {
    const kept = JSON.parse(JSON.stringify(this.upstream.snapshot())) as JsonObject;
    const upstream: Upstream = new OverChannels(createUpstream(options));
    upstream.restore(kept);
    this.upstream = upstream;
  }

  get messages(): readonly JsonObject[] {
    return this.stages.last("text").body["messages"] as readonly JsonObject[];
  }

  /** Words of the answers, as far as they were told. */
  get told(): string {
    return this.of("transcript")
      .map(({ delta }) => delta)
      .join("");
  }

  get faults(): readonly (string | undefined)[] {
    return this.of("response.done").map(({ error }) => error?.code);
  }
}
