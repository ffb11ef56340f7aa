/**
 * Configuration under the provider's judgement. An update carries only what differs from what the provider has, because
 * some fields may not be repeated (`voice` after the first audio) and small servers refuse fields they do not know. A
 * provider refuses an update as a whole; then each of its fields is sent again by itself, so that one that is refused
 * keeps no other from the provider.
 */
import { ownAt } from "../../protocol/json.ts";
import { mergeDeep } from "../json.ts";
import { defaultAt, isVital, wantedSettings } from "./session.ts";
import type { OpenAiSettings } from "./settings.ts";
import type { Json, JsonObject, UpstreamConfig } from "../upstream.ts";

/** Updates that await their judgement. */
const MAX_OUTSTANDING = 64;

type Change = {
  readonly path: string;
  readonly field: string;
  /** As JSON. */
  readonly json: string;
  /** What was sent before; null: nothing. */
  readonly before: string | null;
};

type Update = {
  readonly eventId: string;
  readonly number: number;
  readonly cause: string | null;
  readonly greeting: boolean;
  /** One field of an update that was refused, judged by itself. */
  readonly single: boolean;
  readonly changes: readonly Change[];
  /** What was sent after it was acknowledged without a word about it. */
  overtaken: boolean;
  /** An answer came that spoke of a former configuration. */
  doubted: boolean;
};

export type UpdatesState = {
  readonly sent: readonly (readonly [path: string, json: string])[];
  readonly refused: readonly (readonly [path: string, json: string])[];
  readonly outstanding: readonly Update[];
  readonly transcribing: boolean;
  readonly owes: boolean;
  readonly greeted: boolean;
};

/** What a refusal leads to. */
export interface Refusal {
  readonly cause: string | null;
  /** The client has not heard of it yet. */
  readonly news: boolean;
  /** To be sent: each field of the refused update by itself. */
  readonly again: readonly JsonObject[];
  /** Fields that the provider does not take. */
  readonly fields: readonly string[];
  /** The connection cannot live without it. */
  readonly fatal: boolean;
}

/** Turns the session's configuration into successive `session.update` messages. One per connection. */
export class SessionUpdates {
  readonly #settings: OpenAiSettings;
  readonly #eventId: (what: string) => { readonly id: string; readonly number: number };
  readonly #sent = new Map<string, string>();
  /** Values that the provider refused. */
  readonly #refused = new Map<string, string>();
  #outstanding: Update[] = [];
  #transcribing = false;
  /** An update was sent since the session heard last that all is judged. */
  #owes = false;
  #greeted = false;

  constructor(
    settings: OpenAiSettings,
    eventId: (what: string) => { readonly id: string; readonly number: number },
  ) {
    this.#settings = settings;
    this.#eventId = eventId;
  }

  /**
   * The update that makes the provider's session equal to `config`; null when it is already. A value that was refused is
   * not sent again until it changes, or a client (`cause`) asks for it once more.
   */
  next(config: UpstreamConfig, cause: string | null, greeting: boolean): JsonObject | null {
    this.#transcribing = config.kind === "transcription";
    const wanted = wantedSettings(config, this.#settings);
    for (const path of this.#sent.keys()) {
      if (!wanted.has(path)) wanted.set(path, { value: null, field: `extra.${path}` });
    }
    const changes: Change[] = [];
    for (const [path, { value, field }] of wanted) {
      const json = JSON.stringify(value);
      if (this.#isRefused(path, json, cause)) continue;
      const before = this.#sent.get(path) ?? null;
      if (json !== (before ?? defaultAt(path))) changes.push({ path, field, json, before });
    }
    for (const path of this.#refused.keys()) if (!wanted.has(path)) this.#refused.delete(path);
    return changes.length === 0 ? null : this.#update(changes, cause, greeting, false);
  }

  /** Updates that await their judgement. */
  get outstanding(): number {
    return this.#outstanding.length;
  }

  /** No update awaits its judgement. */
  get settled(): boolean {
    return this.#outstanding.every((update) => update.overtaken);
  }

  /** The greeting was sent, and nothing of it awaits its judgement. */
  get greetingJudged(): boolean {
    return this.#greeted && !this.#outstanding.some(({ greeting }) => greeting);
  }

  /** True once after updates beyond the greeting: all of them are judged. */
  takeSettled(): boolean {
    const settled = this.#owes && this.settled;
    if (settled) this.#owes = false;
    return settled;
  }

  /** The provider answered an update with its whole session: the oldest that it can mean is in force. */
  answered(session: JsonObject | null): void {
    const judged = this.#outstanding.find((update) => !update.overtaken);
    if (judged !== undefined && !judged.doubted && isFormer(judged, session)) {
      // Some repeat their answer. What they never apply they confirm with the next one.
      judged.doubted = true;
      return;
    }
    const at = judged === undefined ? 0 : this.#outstanding.indexOf(judged);
    this.#outstanding.splice(0, at + 1);
  }

  /** The provider acknowledged message `number`: an update before it that it said nothing about is in force. */
  acknowledged(number: number): void {
    for (const update of this.#outstanding) {
      if (!update.greeting && update.number < number) update.overtaken = true;
    }
  }

  /** The provider refused an update: by its event id, or, with null, the oldest. Null: none is outstanding. */
  refused(eventId: string | null): Refusal | null {
    const at = this.#outstanding.findIndex((update) =>
      eventId === null ? !update.overtaken : update.eventId === eventId,
    );
    const [update] = at < 0 ? [] : this.#outstanding.splice(at, 1);
    if (update === undefined) return null;
    const open = update.changes.filter(({ path, json }) => this.#sent.get(path) === json);
    for (const { path, before } of open) this.#restoreSent(path, before);
    const { cause, greeting, single } = update;
    if (update.changes.length > 1) {
      const again = open.map((change) => this.#update([change], cause, greeting, true));
      return { cause, news: true, again, fields: [], fatal: false };
    }
    for (const { path, json } of open) this.#refused.set(path, json);
    const fields = update.changes.map(({ field }) => field);
    return { cause, news: !single, again: [], fields, fatal: greeting && fields.some(isVital) };
  }

  snapshot(): UpdatesState {
    return {
      sent: [...this.#sent],
      refused: [...this.#refused],
      outstanding: this.#outstanding.map((update) => ({ ...update })),
      transcribing: this.#transcribing,
      owes: this.#owes,
      greeted: this.#greeted,
    };
  }

  restore(state: UpdatesState): void {
    for (const [path, json] of state.sent) this.#sent.set(path, json);
    for (const [path, json] of state.refused) this.#refused.set(path, json);
    this.#outstanding = state.outstanding.map((update) => ({ ...update }));
    this.#transcribing = state.transcribing;
    this.#owes = state.owes;
    this.#greeted = state.greeted;
  }

  #isRefused(path: string, json: string, cause: string | null): boolean {
    const refused = this.#refused.get(path);
    if (refused === json && cause === null) return true;
    this.#refused.delete(path);
    return false;
  }

  #restoreSent(path: string, before: string | null): void {
    if (before === null) this.#sent.delete(path);
    else this.#sent.set(path, before);
  }

  #update(changes: readonly Change[], cause: string | null, greeting: boolean, single: boolean): JsonObject {
    if (greeting) this.#greeted = true;
    else this.#owes = true;
    const { id, number } = this.#eventId(greeting ? "greet" : "configure");
    let session: JsonObject = {};
    for (const { path, json } of changes) {
      this.#sent.set(path, json);
      session = mergeDeep(session, nest(path.split("."), JSON.parse(json)));
    }
    const update = { eventId: id, number, cause, greeting, single, changes };
    this.#outstanding.push({ ...update, overtaken: false, doubted: false });
    if (this.#outstanding.length > MAX_OUTSTANDING) this.#outstanding.shift();
    const beta = this.#settings.quirks.sessionShape === "beta";
    const type = beta && this.#transcribing ? "transcription_session.update" : "session.update";
    const kind = { type: this.#transcribing ? "transcription" : "realtime" };
    return { type, event_id: id, session: beta ? session : { ...kind, ...session } };
  }
}

/** The session shows what was in force before `update`: it is the answer to something older. */
function isFormer(update: Update, session: JsonObject | null): boolean {
  let former = false;
  for (const { path, json, before } of update.changes) {
    const stated = valueAt(session, path);
    if (stated === undefined) continue;
    const text = JSON.stringify(stated);
    if (text === json) return false;
    if (before !== null && text === before) former = true;
  }
  return former;
}

function valueAt(session: JsonObject | null, path: string): Json | undefined {
  return ownAt(session ?? undefined, path.split("."));
}

function nest(path: readonly string[], value: Json): JsonObject {
  const [head = "", ...rest] = path;
  return { [head]: rest.length === 0 ? value : nest(rest, value) };
}
