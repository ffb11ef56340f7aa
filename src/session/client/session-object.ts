/** The session as the client sees it: shown whole, changed by `session.update`, corrected by who has to take it. */
import { formatKey } from "../../audio/format.ts";
import type { SpeechDetector } from "../../audio/vad/detector.ts";
import { ClientError } from "../../protocol/client-error.ts";
import type { ResponseParams } from "../../protocol/client-events.ts";
import { jsonSize, type JsonObject } from "../../protocol/json.ts";
import { sameConfig, type SessionConfig } from "../../protocol/session-config.ts";
import { readPlayerDucks } from "../../protocol/session-relay.ts";
import type { UpstreamConfig } from "../../upstreams/upstream.ts";
import { eventIdOfCause, type Context } from "../context.ts";
import type { PlanNow } from "../state/plan-now.ts";
import type { SessionSetup } from "../setup.ts";
import { functionsOnly } from "../state/functions-only.ts";
import { namesOfTools } from "../state/tool-plan.ts";
import type { Backpressure } from "./backpressure.ts";
import type { Budget } from "./budget.ts";
import type { ClientPort } from "./client-port.ts";
import { Configuration } from "./configuration.ts";
import { checkParams, checkPlan, checkRole, type Locks, NO_LOCKS, restrain } from "./locks.ts";
import { responseFormat } from "../../protocol/response-output.ts";
import { Updates, type Judge } from "./updates.ts";
import type {
  Asking,
  Cast,
  Delivery,
  Idle,
  Link,
  Playout,
  Reactions,
  Transcriber,
  TurnTaking,
} from "./ports.ts";

/** Read when they are asked for: some of these parts are made later. */
interface SessionObjectParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly config: Configuration;
  readonly budget: Budget;
  readonly backpressure: Backpressure;
  readonly playout: Playout;
  readonly links: readonly Link[];
  /** Of these, the upstreams that are heard. */
  readonly speakers: readonly Link[];
  readonly cast: Pick<Cast, "primary" | "shown">;
  readonly transcriber: Transcriber | null;
  readonly delivery: Delivery;
  readonly detector: SpeechDetector;
  readonly idle: Idle;
  readonly asking: Asking;
  readonly turns: Pick<TurnTaking, "takeBack">;
  readonly createdAt: number;
  readonly upstreamConfig: UpstreamConfig;
  readonly reactions: Reactions;
}

/** Who changes the session: for the application, which may be an observer, the route's locks stand and no others. */
type Changer = "client" | "application";

export class SessionObject {
  readonly updates: Updates;
  readonly #parts: SessionObjectParts;
  readonly #setup: SessionSetup;
  readonly #locks: Locks;
  readonly #routeLocks: Locks;
  /** Names of those that the relay runs. */
  readonly #tools: readonly string[];
  /** What the session begins with. */
  readonly #granted: SessionConfig;

  /** `parts` has its context and its configuration already. */
  constructor(parts: SessionObjectParts, setup: SessionSetup) {
    this.#parts = parts;
    this.#setup = setup;
    const { locked: fields = [], toolTypes = null } = setup.plan;
    this.#tools = namesOfTools(setup.plan);
    this.#locks = { ...(setup.locks ?? NO_LOCKS), taken: this.#tools };
    this.#routeLocks = { fields, toolTypes, taken: this.#tools };
    this.#granted = parts.config.current;
    this.updates = new Updates(parts.context, parts.config.current, {
      replace: (config) => {
        parts.config.restore(config);
        parts.turns.takeBack();
        this.#changed();
        parts.asking.settle();
      },
      tell: (config) => parts.port.emit({ type: "session.updated", session: this.shown(config) }),
    });
  }

  /** `config`: as of another moment. */
  shown(config: SessionConfig = this.#parts.config.current): JsonObject {
    const { cast, context, port, speakers, detector, delivery, createdAt } = this.#parts;
    const plan = cast.shown;
    const id = `sess_${this.#setup.id}`;
    const kind = config.type === "transcription" ? "transcription_session" : "session";
    const identity = {
      object: `realtime.${kind}`,
      id,
      model: this.#setup.model,
      expires_at: Math.floor((createdAt + context.limits.sessionMs) / 1000),
    };
    const relay = {
      session_id: id,
      upstreams: speakers.map((link) => link.name),
      detector: detector.name,
      resume_token: delivery.token,
      player: { duck: port.ducks },
      ...(plan && { plan: { ...plan, upstreams: [...plan.upstreams] } }),
      ...(this.#tools.length > 0 && { tools: this.#tools }),
    };
    return new Configuration(config).shown(identity, relay, port);
  }

  /**
   * A `session.update`: the client's, or the application's own, for which nothing but the route's locks stands, and to which
   * the client's player and its audio formats are none of its business.
   * @throws ClientError naming the field; nothing changes then.
   */
  update(session: JsonObject, by: Changer = "client"): void {
    const { context, port, config, playout } = this.#parts;
    const cause = context.cause ?? context.unnamedCause();
    const before = config.snapshot();
    if (Object.keys(session).length === 0) {
      this.#checkSize(before, 0);
      this.updates.given(before, cause, [], false);
      return;
    }
    const ducks = port.extended && by === "client" ? readPlayerDucks(session) : null;
    const { extended, holds } = port;
    config.update(session, { extended, holds, ducks: ducks ?? port.ducks });
    if (by === "application") this.#requireFormats(before);
    const refused = this.#restrain(before, this.#locksOf(by));
    this.#checkSize(before, jsonSize(session));
    // Also beside the conversation, or in an item that is gone.
    if (playout.totalMs > 0 && voiceOf(config.current) !== voiceOf(before)) {
      config.restore(before);
      throw new ClientError(
        "cannot_update_voice",
        "The voice cannot be changed after the assistant has spoken.",
        "session.audio.output.voice",
      );
    }
    // Whatever is locked: it is no setting.
    if (ducks !== null) port.playerDucks(ducks);
    for (const error of refused) port.rejected(error, eventIdOfCause(context.cause));
    // Of an update of which nothing remains the client has the error, as from a provider.
    const changed = !sameConfig(config.current, before);
    if (refused.length > 0 && ducks === null && !changed) return;
    // What was asked for in advance follows the former one.
    if (changed) this.#parts.turns.takeBack();
    const { waits, soon } = this.#changed();
    this.updates.given(config.current, cause, waits, soon);
    this.#parts.asking.settle();
  }

  /** @throws ClientError when a format is another one: its client hears and speaks the one that it knows. */
  #requireFormats(before: SessionConfig): void {
    const { config } = this.#parts;
    for (const side of ["input", "output"] as const) {
      const wanted = JSON.stringify(config.current.audio[side].format);
      if (wanted === JSON.stringify(before.audio[side].format)) continue;
      config.restore(before);
      const param = `session.audio.${side}.format`;
      throw new ClientError("field_locked", `'${param}' is the client's to change.`, param);
    }
  }

  /** What is locked stays as it was. @returns what there is to say of that. */
  #restrain(before: SessionConfig, locks: Locks): readonly ClientError[] {
    const { config } = this.#parts;
    const { config: allowed, refused } = restrain(locks, before, config.current, this.#granted);
    if (refused.length > 0) config.restore(allowed);
    return refused;
  }

  #locksOf(by: Changer): Locks {
    return by === "client" ? this.#locks : this.#routeLocks;
  }

  /** A `response.create`. @throws ClientError naming what is locked. */
  checkParams(params: ResponseParams, by: Changer = "client"): void {
    const { config } = this.#parts;
    if (by === "application") this.#requireClientsFormat(params);
    // Tools are told apart with their secrets, which the client need not repeat.
    checkParams(this.#locksOf(by), config.respondParams(params), config.current, this.#granted);
  }

  /** @throws ClientError when the application's answer has a format that the client does not expect. */
  #requireClientsFormat(params: ResponseParams): void {
    const format = responseFormat(params);
    if (format === null || formatKey(format) === formatKey(this.#parts.config.outputFormat)) return;
    const param = "response.audio.output.format";
    throw new ClientError("field_locked", `'${param}' is the client's to choose.`, param);
  }

  /** A change of the plan. @throws ClientError naming what of it is locked. */
  checkPlan(before: PlanNow, after: PlanNow, by: Changer = "client"): void {
    checkPlan(this.#locksOf(by), before, after);
  }

  /** An item that is created. @throws ClientError when it is instructions, and those are locked. */
  checkItem(item: JsonObject, by: Changer = "client"): void {
    checkRole(this.#locksOf(by), item, "item");
  }

  /**
   * It is shown whole each time, also when nothing changed: to a client that does not read, that is not said once more.
   * What it shows beyond the characters that the client gave for it comes out of a budget.
   * @throws ClientError when the configuration is larger than is kept, or was read; `before` is in force then.
   */
  #checkSize(before: SessionConfig, given: number): void {
    const { context, config, budget, backpressure } = this.#parts;
    const { current } = config;
    const size = jsonSize(current as unknown as JsonObject);
    const most = context.limits.configurationSize;
    try {
      if (size > most) {
        const message = `Invalid 'session': it would have ${size} characters, at most ${most} are kept.`;
        throw new ClientError("session_too_large", message, "session");
      }
      if (backpressure.congested && sameConfig(current, before)) {
        backpressure.requireRoom();
      }
      budget.requireTelling(context.now);
      budget.told.charge(Math.max(0, size - given), context.now);
    } catch (error) {
      config.restore(before);
      throw error;
    }
  }

  /**
   * @returns who has to judge the configuration that is in force, and whether the verdict of one of them is near: it was
   * told of it just now, or is being dialled and will be greeted with it.
   */
  #changed(): { readonly waits: readonly Judge[]; readonly soon: boolean } {
    const { cast, context, links, speakers, transcriber, idle, reactions } = this.#parts;
    reactions.configured();
    const whole = this.#parts.upstreamConfig;
    const judges: { readonly judge: Judge; readonly link: Link; readonly sent: boolean }[] = [];
    for (const link of links) {
      const config = speakers.includes(link) ? whole : functionsOnly(whole);
      const sent = link.command({ type: "configure", config });
      if (link === cast.primary) judges.push({ judge: "primary", link, sent });
    }
    if (transcriber) {
      judges.push({ judge: "transcriber", link: transcriber.link, sent: transcriber.reconfigure() });
    }
    idle.arm();
    context.persist();
    const open = judges.filter(
      ({ link, sent }) => link.capabilities.confirms && (sent || link.phase !== "ready"),
    );
    const soon = open.some(({ link, sent }) => sent || !link.dormant);
    return { waits: open.map(({ judge }) => judge), soon };
  }
}

function voiceOf(config: SessionConfig): string {
  return JSON.stringify(config.audio.output.voice);
}
