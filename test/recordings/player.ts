/**
 * Turns a recording into a provider. The recorded client's events are said to the relay by its client, the recorded
 * provider's are what the relay hears from upstream, each when everything before it has been said. The relay's own
 * greeting and its way of naming items and answers are its business: the player gives the provider's answers the
 * names that the relay asked with, as the provider would.
 */
import { isJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import { PROFILES, type ProfileName, type Quirks } from "../../src/upstreams/openai-compatible/profiles.ts";
import { Call } from "../support/call.ts";
import { factsOf, type Facts } from "./facts.ts";
import { gaSession, gaType, textOf } from "./names.ts";
import type { Step } from "./recording.ts";

export interface Played {
  /** What the provider said, and what the relay's client was told. */
  readonly said: Facts;
  readonly told: Facts;
  /** What the provider would not have taken, or waited for in vain. */
  readonly refused: readonly string[];
  /** What the client was told and what the relay sent upstream, word for word. */
  readonly events: readonly JsonObject[];
  readonly sent: readonly JsonObject[];
}

export interface PlayOptions {
  /** Of the `openai-compatible` adapter. */
  readonly profile: string;
}

const PEER = "up0.1";
/** 100 ms. */
const SHORTEST_TURN_BYTES = 4800;

/** Client events that every server of the dialect knows. */
const CLIENT_EVENTS: ReadonlySet<string> = new Set([
  "session.update",
  "transcription_session.update",
  "input_audio_buffer.append",
  "input_audio_buffer.commit",
  "input_audio_buffer.clear",
  "conversation.item.create",
  "conversation.item.truncate",
  "conversation.item.delete",
  "response.create",
  "response.cancel",
]);

/** Signs that the provider takes the turns; xAI's tells when speech begins and ends also where it was told not to. */
const DETECTED: ReadonlySet<string> = new Set([
  "input_audio_buffer.speech_started",
  "input_audio_buffer.timeout_triggered",
]);

function turnsOf(steps: readonly Step[]): "server" | "client" {
  const asked = steps.filter(({ from, event }) => from === "client" && isJsonObject(event["session"]));
  const switchedOff = asked.some(({ event }) => {
    const session = isJsonObject(event["session"]) ? gaSession(event["session"]) : {};
    const audio = isJsonObject(session["audio"]) ? session["audio"] : {};
    return isJsonObject(audio["input"]) && audio["input"]["turn_detection"] === null;
  });
  const detected = steps.some(({ event }) => DETECTED.has(textOf(event["type"])));
  return detected && !switchedOff ? "server" : "client";
}

/**
 * What the recorded provider did by itself where the relay does it: what it heard of speech while its client took the turns, and
 * that it measured a silence, of which it makes an item of its own.
 */
function ownAffairs(steps: readonly Step[]): ReadonlySet<JsonObject> {
  const client = turnsOf(steps) === "client";
  let silence = false;
  const found = new Set<JsonObject>();
  for (const { event } of steps) {
    const type = textOf(event["type"]);
    if (type === "input_audio_buffer.timeout_triggered") silence = true;
    if (type === "input_audio_buffer.committed") silence = false;
    if (silence || (client && type.startsWith("input_audio_buffer.speech_"))) found.add(event);
  }
  return found;
}

class Player {
  readonly call: Call;
  readonly refused: string[] = [];
  readonly #updated: JsonObject[];
  /** Messages of the relay that were looked at. */
  #seen = 0;
  /** What the relay asked for and the provider has not answered yet. */
  readonly #creates: JsonObject[] = [];
  readonly #items: JsonObject[] = [];
  #commits = 0;
  /** Bytes of the caller's since the last commit. */
  #heard = 0;
  /** The relay's metadata, by the provider's response id. */
  readonly #metadata = new Map<string, JsonObject>();

  readonly #answersCommits: boolean;

  constructor(steps: readonly Step[], { profile }: PlayOptions) {
    const { answersCommits }: Quirks = PROFILES[profile as ProfileName];
    this.#answersCommits = answersCommits && turnsOf(steps) === "client";
    const options = {
      adapter: "openai-compatible",
      url: "https://provider.test/v1/realtime",
      model: "recorded",
      settings: { profile, turns: turnsOf(steps) },
    };
    this.#updated = steps
      .filter(({ from, event }) => from === "provider" && event["type"] === "session.updated")
      .map(({ event }) => event);
    this.call = new Call({ upstreams: [{ name: "recorded", options }], createUpstream, connect: false });
    this.call.connect("realtime");
    this.call.input({ type: "open", peer: PEER });
  }

  client(event: JsonObject): void {
    const session = event["session"];
    if (event["type"] === "input_audio_buffer.append")
      this.#heard += Uint8Array.fromBase64(textOf(event["audio"])).length;
    if (event["type"] === "input_audio_buffer.commit") this.#lengthen();
    this.call.client(isJsonObject(session) ? { ...event, session: gaSession(session) } : event);
    // Where a commit is the asking, a client of the relay asks as at any other provider.
    if (event["type"] === "input_audio_buffer.commit" && this.#answersCommits)
      this.call.client({ type: "response.create" });
    this.#look();
  }

  /** Sound that its recorder shortened is too short to be a turn. */
  #lengthen(): void {
    const short = Math.max(0, SHORTEST_TURN_BYTES - this.#heard);
    this.#heard = 0;
    const audio = new Uint8Array(short).toBase64();
    if (short > 0) this.call.client({ type: "input_audio_buffer.append", audio });
  }

  provider(event: JsonObject): void {
    const type = gaType(event);
    // Each of the relay's updates is answered when it comes.
    if (type === "session.updated") return;
    if (type === "response.created") this.#begins(event);
    if (type === "conversation.item.added") this.#added(event);
    if (type === "input_audio_buffer.committed") this.#commits = Math.max(0, this.#commits - 1);
    this.call.input({ type: "message", peer: PEER, data: JSON.stringify(this.#named(event)) });
    this.#look();
    this.call.advance(5);
  }

  #begins(event: JsonObject): void {
    const create = this.#creates.shift();
    const response = isJsonObject(event["response"]) ? event["response"] : {};
    const asked = isJsonObject(create?.["response"]) ? create["response"] : {};
    if (isJsonObject(asked["metadata"])) this.#metadata.set(textOf(response["id"]), asked["metadata"]);
  }

  /** An item of the client's own: the provider repeats the id that it was given. */
  #added(event: JsonObject): void {
    const item = isJsonObject(event["item"]) ? event["item"] : {};
    const at = this.#items.findIndex(
      (sent) =>
        sent["type"] === item["type"] && (sent["type"] !== "message" || sent["role"] === item["role"]),
    );
    const [sent] = at < 0 ? [] : this.#items.splice(at, 1);
    if (sent && typeof sent["id"] === "string") this.#renamed.set(textOf(item["id"]), sent["id"]);
  }

  readonly #renamed = new Map<string, string>();

  #named(event: JsonObject): JsonObject {
    const { item, response } = event;
    const named: Record<string, JsonObject[string]> = { ...event };
    for (const key of ["item_id", "previous_item_id"]) {
      const known = this.#renamed.get(textOf(event[key]));
      if (known !== undefined) named[key] = known;
    }
    if (isJsonObject(item))
      named["item"] = { ...item, id: this.#renamed.get(textOf(item["id"])) ?? item["id"] ?? null };
    const metadata = isJsonObject(response) ? this.#metadata.get(textOf(response["id"])) : undefined;
    if (isJsonObject(response) && metadata) named["response"] = { ...response, metadata };
    return named;
  }

  /** Answers what the relay has asked meanwhile, as any provider does. */
  #look(): void {
    const sent = this.call.commands(PEER) as unknown as readonly JsonObject[];
    for (; this.#seen < sent.length; this.#seen += 1) {
      const event = sent[this.#seen] ?? {};
      const type = textOf(event["type"]);
      if (!CLIENT_EVENTS.has(type)) this.refused.push(`no event of the dialect: ${type}`);
      if (type === "response.create") this.#creates.push(event);
      if (type === "input_audio_buffer.commit") this.#commits += 1;
      if (type === "input_audio_buffer.commit" && this.#answersCommits) this.#creates.push(event);
      if (type === "conversation.item.create" && isJsonObject(event["item"])) this.#items.push(event["item"]);
      if (type.endsWith("session.update")) this.#update();
    }
  }

  #update(): void {
    const updated = this.#updated.length > 1 ? this.#updated.shift() : this.#updated[0];
    if (updated) this.call.input({ type: "message", peer: PEER, data: JSON.stringify(updated) });
  }

  /** What the relay asked for and the recorded provider never did. */
  end(): void {
    for (const create of this.#creates)
      this.refused.push(`asked for an answer too many: ${JSON.stringify(create)}`);
    for (const item of this.#items) this.refused.push(`an item too many: ${JSON.stringify(item)}`);
    if (this.#commits > 0) this.refused.push(`${this.#commits} commits too many`);
  }
}

/** Plays the steps up to the first close of the provider's socket: what follows it was another connection. */
export function play(recorded: readonly Step[], options: PlayOptions): Played {
  const closed = recorded.findIndex(({ from }) => from === "close");
  const steps = closed < 0 ? recorded : recorded.slice(0, closed);
  const player = new Player(steps, options);
  for (const { from, event } of steps) {
    if (from === "client") player.client(event);
    else player.provider(event);
  }
  player.call.advance(3000);
  player.end();
  const own = ownAffairs(steps);
  const said = steps
    .filter(({ from, event }) => from === "provider" && !own.has(event))
    .map(({ event }) => event);
  const events = player.call.events as unknown as readonly JsonObject[];
  const sent = player.call.commands(PEER) as unknown as readonly JsonObject[];
  return { said: factsOf(said), told: factsOf(events), refused: player.refused, events, sent };
}
