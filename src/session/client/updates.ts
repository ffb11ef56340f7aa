/**
 * Updates of the session until a provider has judged them. What is at the edge (detection, formats, `relay`) is in force at
 * once; the rest when the provider took it. Where it says so (`capabilities.confirms`) the client is told then, each update
 * in its order and with the state as of it, and what the provider refused is taken back: a refused value is never shown,
 * and never said again to a connection that comes later.
 */
import { jsonSize, sameJson, type JsonObject } from "../../protocol/json.ts";
import {
  initialConfig,
  sameConfig,
  valueAt,
  withValueAt,
  type SessionConfig,
} from "../../protocol/session-config.ts";
import type { Context } from "../context.ts";

/** Whose verdict counts: the plan's first upstream and, for the words of the caller, the transcriber beside it. */
export type Judge = "primary" | "transcriber";

/** Where a member of `UpstreamConfig` stands in the session; of `extra` each under its own name. */
const PATHS: Readonly<Record<string, string>> = {
  instructions: "instructions",
  modality: "output_modalities",
  tools: "tools",
  toolChoice: "tool_choice",
  maxOutputTokens: "max_output_tokens",
  voice: "audio.output.voice",
  speed: "audio.output.speed",
  transcription: "audio.input.transcription",
  turnDetection: "audio.input.turn_detection",
  "extra.noise_reduction": "audio.input.noise_reduction",
};
/** Updates that wait for a verdict; one that is older is taken for good. */
const UPDATES_KEPT = 32;
/** Characters in them: each may have the whole configuration anew. */
const UPDATES_SIZE = 1024 * 1024;

interface Update {
  /** Of the commands that it led to: a refusal names it. */
  readonly cause: string;
  /** The configuration as of it. */
  config: SessionConfig;
  waits: readonly Judge[];
  told: boolean;
  refused: boolean;
}

export interface UpdatesHost {
  /** The configuration is this one from now on: a part of it was refused. */
  replace(config: SessionConfig): void;
  /** `session.updated`. */
  tell(config: SessionConfig): void;
}

export class Updates {
  readonly #context: Context;
  readonly #host: UpdatesHost;
  /** Before the first of the updates. */
  #base: SessionConfig;
  #updates: Update[] = [];
  /** Something was taken back that the client had been told. */
  #untrue = false;

  constructor(context: Context, config: SessionConfig, host: UpdatesHost) {
    this.#context = context;
    this.#base = config;
    this.#host = host;
  }

  /**
   * The client changed the configuration.
   * @param waits who will judge it
   * @param soon its judges were told just now: the client is told when they have answered
   */
  given(config: SessionConfig, cause: string, waits: readonly Judge[], soon: boolean): void {
    const first = this.#updates.every(({ told }) => told);
    this.#updates.push({ cause, config, waits, told: false, refused: false });
    if (!soon && first) this.#tell(this.#updates.length - 1);
    else if (soon && first) {
      this.#context.deadlines.set("configured", this.#context.now + this.#context.limits.configuredMs);
    }
    while (this.#updates.length > UPDATES_KEPT || (this.#updates.length > 1 && this.size > UPDATES_SIZE)) {
      this.#drop();
    }
    this.#flush();
  }

  /** Characters in the updates that wait, about. */
  get size(): number {
    return this.#updates.reduce((sum, { config }) => sum + jsonSize(config as unknown as JsonObject), 0);
  }

  #drop(): void {
    if (!this.#updates[0]?.told) this.#tell(0);
    this.#base = this.#updates.shift()?.config ?? this.#base;
  }

  /** A judge said of all that it was given what it takes: all, but for what it refused before. */
  configured(judge: Judge): void {
    for (const update of this.#updates) update.waits = update.waits.filter((one) => one !== judge);
    this.#flush();
    this.#correct();
  }

  /** The verdict takes too long: the client is told what is in force as far as is known. */
  due(): void {
    for (const [index, update] of this.#updates.entries()) if (!update.told) this.#tell(index);
    this.#flush();
    this.#correct();
  }

  /** Tells those of which nothing is open any more, in order, and forgets those that are done with. */
  #flush(): void {
    for (const [index, update] of this.#updates.entries()) {
      if (update.told) continue;
      if (update.waits.length > 0) break;
      this.#tell(index);
    }
    while (this.#updates[0]?.told && this.#updates[0].waits.length === 0) {
      this.#base = this.#updates.shift()?.config ?? this.#base;
    }
    if (this.#updates.every(({ told }) => told) && !this.#untrue) this.#context.deadlines.clear("configured");
  }

  /** Of an update of which nothing remains the client has the error, as from the provider itself. */
  #tell(index: number): void {
    const update = this.#updates[index];
    if (!update) return;
    update.told = true;
    const nothing = update.refused && sameConfig(update.config, this.#before(index));
    if (nothing) return;
    this.#host.tell(update.config);
    if (sameConfig(update.config, this.#last)) this.#untrue = false;
  }

  /** Tells what is in force after all, where something else had been told. */
  #correct(): void {
    if (!this.#untrue) return;
    this.#untrue = false;
    this.#context.deadlines.clear("configured");
    this.#host.tell(this.#last);
  }

  get #last(): SessionConfig {
    return this.#updates.at(-1)?.config ?? this.#base;
  }

  #before(index: number): SessionConfig {
    return this.#updates[index - 1]?.config ?? this.#base;
  }

  /**
   * The refusal of a configuration, before its fields are named.
   * @param param the session's field that it is about, where the provider says so
   * @returns the cause of the update that it refuses; null: of none that is known.
   */
  refused(cause: string | null, param: string | null): string | null {
    const known = this.#updates.find((update) => update.cause === cause) ?? this.#culprit(param);
    if (!known) return cause;
    known.refused = true;
    return known.cause;
  }

  /** Of several updates in one greeting the last that set the field, else the last. */
  #culprit(param: string | null): Update | undefined {
    const path = /^session\.([\w.]+)/.exec(param ?? "")?.[1]?.split(".");
    if (path === undefined) return this.#updates.at(-1);
    return this.#updates.findLast((_, index) => this.#sets(index, path)) ?? this.#updates.at(-1);
  }

  #sets(index: number, path: readonly string[]): boolean {
    const update = this.#updates[index];
    return (
      update !== undefined && !sameJson(valueAt(update.config, path), valueAt(this.#before(index), path))
    );
  }

  /** These members of `UpstreamConfig` were refused: what was there before is in force. */
  unconfigured(fields: readonly string[]): void {
    const before = this.#last;
    for (const field of fields) {
      const path = pathOf(field);
      if (path === null) continue;
      // Refused as a whole, its fields are judged one by one, in messages of their own. A greeting has those of all.
      const at = this.#updates.findLastIndex(({ refused }, index) => refused && this.#sets(index, path));
      if (at >= 0) this.#takeBack(path, at);
      else this.#takeBackEverywhere(path);
    }
    if (sameConfig(this.#last, before)) return;
    if (this.#updates.every(({ told }) => told)) {
      this.#untrue = true;
      this.#context.deadlines.set("configured", this.#context.now + this.#context.limits.configuredMs);
    }
    this.#host.replace(this.#last);
  }

  /** One update's value goes, and from those after it that did not set another. */
  #takeBack(path: readonly string[], at: number): void {
    const former = valueAt(this.#before(at), path);
    const refused = valueAt(this.#updates[at]?.config ?? this.#base, path);
    for (const update of this.#updates.slice(at)) {
      if (!sameJson(valueAt(update.config, path), refused)) return;
      update.config = withValueAt(update.config, path, former);
      this.#untrue ||= update.told;
    }
  }

  /** The value that is in force goes, wherever it came from: a new connection does not take it. */
  #takeBackEverywhere(path: readonly string[]): void {
    const refused = valueAt(this.#last, path);
    const kept = valueAt(this.#base, path);
    const former = sameJson(kept, refused) ? valueAt(initialConfig(this.#base.type), path) : kept;
    const without = (config: SessionConfig) =>
      sameJson(valueAt(config, path), refused) ? withValueAt(config, path, former) : config;
    this.#base = without(this.#base);
    for (const update of this.#updates) update.config = without(update.config);
  }

  snapshot(): UpdatesSnapshot {
    return {
      base: this.#base,
      updates: this.#updates.map((update) => ({ ...update })),
      untrue: this.#untrue,
    };
  }

  restore(snapshot: UpdatesSnapshot): void {
    this.#base = snapshot.base;
    this.#updates = snapshot.updates.map((update) => ({ ...update }));
    this.#untrue = snapshot.untrue;
  }
}

export interface UpdatesSnapshot {
  readonly base: SessionConfig;
  readonly updates: readonly Readonly<Update>[];
  readonly untrue: boolean;
}

function pathOf(field: string): readonly string[] | null {
  const path = Object.hasOwn(PATHS, field) ? PATHS[field]?.split(".") : undefined;
  return path ?? (field.startsWith("extra.") ? [field.slice("extra.".length)] : null);
}
