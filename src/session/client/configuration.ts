/** The session's configuration: what the client set over the plan's defaults, and what follows from it. */
import type { AudioFormat } from "../../audio/format.ts";
import { isJsonObject, type Json, type JsonObject, ownAt } from "../../protocol/json.ts";
import {
  initialConfig,
  mergeConfig,
  type SessionConfig,
  type TurnDetection,
} from "../../protocol/session-config.ts";
import { OWN_VOICE } from "../../protocol/session-defaults.ts";
import type { ResponseParams } from "../../protocol/client-events.ts";
import { withoutToolSecrets, withToolSecrets } from "../../protocol/tool-secrets.ts";
import type { UpstreamConfig } from "../../upstreams/upstream.ts";
import type { ClientKind, RelaySettings } from "../state/relay-settings.ts";

/** Session keys that `UpstreamConfig` names itself. */
const NAMED = new Set([
  "type",
  "instructions",
  "output_modalities",
  "max_output_tokens",
  "tools",
  "tool_choice",
  "audio",
  "relay",
]);

/** Session keys that a transcription session does not have. */
const SPEAKING = new Set([
  "instructions",
  "output_modalities",
  "max_output_tokens",
  "tools",
  "tool_choice",
  "tracing",
  "truncation",
  "prompt",
]);

/** At most this much audio is ahead of a `duplex.v1` listener, so that a cut claws back little. */
const DEFAULT_LEAD_MS = 400;
/** Voice over an agent that is an interruption and no backchannel (docs/floor.md). */
const CONFIRM_MS = 680;
/** A client that plays unpaced hears of an interruption only when it is confirmed: it must not wait so long. */
const CONFIRM_UNPACED_MS = 160;
const DISMISS_MS = 250;
/** Clearly quieter, and still to be followed; 12 to 18 may be asked for. */
const DUCK_DB = 15;

export class Configuration {
  #config: SessionConfig;

  constructor(config: SessionConfig) {
    this.#config = config;
  }

  /** @throws ClientError when the plan's or the given settings are no valid configuration. */
  static of(kind: "conversation" | "transcription", planned: JsonObject, given: JsonObject): Configuration {
    const initial = initialConfig(kind === "transcription" ? "transcription" : "realtime");
    const config = mergeConfig(initial, planned);
    return new Configuration(mergeConfig(config, withSecretsOf(config, given)));
  }

  get current(): SessionConfig {
    return this.#config;
  }

  /**
   * A `duplex.v1` client sees `relay` whole, so what it sends of it may only repeat the defaults in force. Those are not
   * set: a later connection in the other dialect has others.
   * @throws ClientError naming the field; nothing changes then.
   */
  update(session: JsonObject, client: ClientKind): void {
    const { relay } = session;
    const repeats = client.extended && isJsonObject(relay);
    const given = repeats
      ? { ...session, relay: withoutDefaults(relay, this.#setRelay, this.#shownRelay(client)) }
      : session;
    this.#config = mergeConfig(this.#config, withSecretsOf(this.#config, given));
  }

  /** The client's parameters of one answer, whose tools may be the session's as they were shown. */
  respondParams(params: ResponseParams): ResponseParams {
    // What came from a JSON schema is JSON.
    return withSecretsOf(this.#config, params as JsonObject);
  }

  /** `session.relay` as it was set. */
  get #setRelay(): JsonObject {
    return (this.#config.relay ?? {}) as JsonObject;
  }

  /** `session.relay` as it is in force for a `duplex.v1` client. */
  #shownRelay(client: ClientKind): JsonObject {
    const set = this.#setRelay;
    const { leadMs, eagerMs, confirmMs, dismissMs, overAgent, duckDb } = this.relay(client);
    const interruption = isJsonObject(set["interruption"]) ? set["interruption"] : {};
    return {
      ...set,
      lead_ms: leadMs,
      eager_ms: eagerMs,
      interruption: {
        ...interruption,
        confirm_ms: confirmMs,
        dismiss_ms: dismissMs,
        over_agent: overAgent,
        duck_db: duckDb,
      },
    };
  }

  get turnDetection(): TurnDetection | null {
    return this.#config.audio.input.turn_detection;
  }

  get inputFormat(): AudioFormat {
    return this.#config.audio.input.format;
  }

  get outputFormat(): AudioFormat {
    return this.#config.audio.output.format;
  }

  get modality(): "audio" | "text" {
    return this.#config.output_modalities[0];
  }

  get transcriptionOnly(): boolean {
    return this.#config.type === "transcription";
  }

  /** What the relay itself is told, under `session.relay`. */
  relay({ extended, holds, ducks }: ClientKind): RelaySettings {
    const set = this.#config.relay;
    return {
      leadMs: set?.lead_ms === undefined ? (extended ? DEFAULT_LEAD_MS : null) : set.lead_ms,
      confirmMs: set?.interruption?.confirm_ms ?? (extended ? CONFIRM_MS : CONFIRM_UNPACED_MS),
      dismissMs: set?.interruption?.dismiss_ms ?? DISMISS_MS,
      eagerMs: set?.eager_ms ?? null,
      // One that says nothing of ducking knows `hold` alone.
      overAgent: set?.interruption?.over_agent ?? (holds && !ducks ? "hold" : "duck"),
      duckDb: set?.interruption?.duck_db ?? DUCK_DB,
    };
  }

  /** `audio.output` as responses show it. */
  get output(): JsonObject {
    return { format: this.outputFormat, voice: this.#voice };
  }

  get #voice(): Json {
    const { voice } = this.#config.audio.output;
    return voice === null ? OWN_VOICE : (voice as Json);
  }

  /**
   * The full effective configuration, as `session.created` and `session.updated` carry it; sent back it changes nothing.
   * `relay`: what a `duplex.v1` client learns of this relay beside its settings.
   */
  shown(identity: JsonObject, relay: JsonObject, client: ClientKind): JsonObject {
    // SessionConfig is JSON by construction: it came out of a schema over JSON.
    const config = this.#config as unknown as JsonObject;
    const { audio } = this.#config;
    const input = audio.input as unknown as JsonObject;
    const output = audio.output as unknown as JsonObject;
    const whole = {
      ...config,
      tools: withoutToolSecrets(config["tools"] ?? []),
      ...identity,
      ...(client.extended ? { relay: { ...this.#shownRelay(client), ...relay } } : {}),
    };
    if (!this.transcriptionOnly) {
      return { ...whole, audio: { input, output: { ...output, voice: this.#voice } } };
    }
    const hearing = Object.entries(whole).filter(([key]) => !SPEAKING.has(key));
    return { ...Object.fromEntries(hearing), audio: { input } };
  }

  upstream(): UpstreamConfig {
    const config = this.#config as unknown as JsonObject;
    const extra: Record<string, Json> = {};
    for (const [key, value] of Object.entries(config)) {
      if (!NAMED.has(key) && value !== null) extra[key] = value;
    }
    const input = this.#config.audio.input;
    if (input.noise_reduction) extra["noise_reduction"] = input.noise_reduction as JsonObject;
    return {
      kind: this.transcriptionOnly ? "transcription" : "conversation",
      instructions: this.#config.instructions,
      modality: this.modality,
      tools: this.#config.tools as unknown as readonly JsonObject[],
      toolChoice: this.#config.tool_choice as Json,
      maxOutputTokens: this.#config.max_output_tokens,
      voice: this.#config.audio.output.voice as Json,
      speed: this.#config.audio.output.speed,
      transcription: input.transcription as JsonObject | null,
      turnDetection: this.turnDetection as unknown as JsonObject | null,
      extra,
    };
  }

  snapshot(): SessionConfig {
    return this.#config;
  }

  restore(config: SessionConfig): void {
    this.#config = config;
  }
}

/** `given` with what the client cannot send back, since it is not shown. */
function withSecretsOf(config: SessionConfig, given: JsonObject): JsonObject {
  const { tools } = given;
  if (tools === undefined) return given;
  return { ...given, tools: withToolSecrets(tools, config.tools as unknown as Json) };
}

/** `given` without members that only repeat what is shown of them though they were never set. */
function withoutDefaults(given: JsonObject, set: JsonObject, shown: JsonObject): JsonObject {
  const kept: Record<string, Json> = {};
  for (const [key, value] of Object.entries(given)) {
    const [was, known] = [ownAt(set, [key]), ownAt(shown, [key])];
    if (isJsonObject(value) && isJsonObject(known)) {
      const inner = withoutDefaults(value, isJsonObject(was) ? was : {}, known);
      if (Object.keys(inner).length > 0) kept[key] = inner;
    } else if (was !== undefined || JSON.stringify(value) !== JSON.stringify(known)) kept[key] = value;
  }
  return kept;
}
