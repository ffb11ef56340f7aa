/** One connection to a virtual provider: a strict server of the OpenAI Realtime dialect. */
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { mergeDeep } from "../../src/upstreams/json.ts";
import { Answer } from "./answer.ts";
import { brief } from "./checks.ts";
import type { Commit, Connection, Data } from "./connection.ts";
import { Ear } from "./ear.ts";
import { fields, text } from "./fields.ts";
import { lingersMs } from "./tools.ts";
import { performance } from "./performance.ts";
import type { Provider, Turn } from "./provider.ts";
import { ProviderItems } from "./provider-items.ts";
import type { Random } from "./random.ts";
import type { World } from "./world.ts";

/** What a provider that commits and answers by itself may do while the relay's request for it is on its way. */
const CROSSABLE: ReadonlySet<string> = new Set([
  "conversation_already_has_active_response",
  "input_audio_buffer_commit_empty",
]);

/** A server's work, before and after. */
const CROSSES_MS = 200;
/** Bytes per millisecond of a line that holds nothing up. */
const STEADY_SPEED = 1000;

/** A server's work, and the relay's next message. */
const CANCELLED_WITHIN_MS = 100;

export class ProviderCall {
  readonly provider: Provider;
  readonly ear: Ear;
  readonly items: ProviderItems;
  readonly openedAt: number;
  closedAt: number | null = null;
  /** Since when its connection is a black hole; null: it is none. */
  holedAt: number | null = null;
  readonly #world: World;
  readonly #random: Random;
  readonly #connection: Connection;
  readonly #name: string;
  readonly #answers: Answer[] = [];
  /** Those that were asked for when nothing else was being answered: no other can be taken for them. */
  readonly #alone = new Set<Answer>();
  readonly #turns = new Map<string, Turn>();
  /** When it took the last of those turns that were deleted. */
  #inVainAt = -Infinity;
  #numbered = 0;
  /** The session as this provider has it. */
  config: JsonObject = {};
  /** When it took its first configuration; null: it has not. */
  greetedAt: number | null = null;
  #tools = false;
  #transcribes = false;
  /** Work of this server is done in order. */
  #busyUntil = 0;
  /** Since when it says that somebody speaks; null: nobody does. */
  #hearsSince: number | null = null;
  #quietMs = 0;
  /** Of Grok: a turn was answered, and nothing else was said since. */
  #answered = false;

  constructor(world: World, provider: Provider, connection: Connection, random: Random, name: string) {
    this.#world = world;
    this.provider = provider;
    this.#connection = connection;
    this.#random = random;
    this.#name = name;
    this.openedAt = world.time.now;
    this.ear = new Ear(world, name, () => this.#hearsAgain());
    this.items = new ProviderItems({
      // Grok keeps them too; what is judged by them is judged of OpenAI alone.
      keepsIds: provider.keepsIds || provider.abandons,
      say: (event) => this.say(event),
      refuse: (code, what, event) => this.#refuse(code, what, event),
      newId: () => this.#id("item"),
      deleted: (id) => this.#takenBack(id),
    });
    connection.attach("far", {
      message: (data) => this.#receive(data),
      closed: (code) => this.#closed(code),
    });
    this.say({ type: "session.created", session: { type: "realtime", id: `sess_${name}` } });
  }

  get open(): boolean {
    return this.closedAt === null;
  }

  /** What was heard of the conversation when the relay hung up; null: it did not, or nothing can be said of it. */
  get heard(): ReadonlySet<string> | null {
    return this.#connection.heard;
  }

  /** Configured, nothing is being answered, and everything that it was told is worked through. */
  get settled(): boolean {
    return this.greetedAt !== null && this.#running().length === 0 && !this.behind;
  }

  /** Something that it is being told, or that it says in return, has still to arrive, or to be worked through. */
  get behind(): boolean {
    const told = this.#connection.tells("near") || this.#connection.tells("far");
    return told || this.#busyUntil > this.#world.time.now;
  }

  /** Its connection is a black hole: nobody will ever tell it of the end. */
  get holed(): boolean {
    return this.holedAt !== null;
  }

  /** When the relay was rid of it; null: it is not. */
  get leftAt(): number | null {
    return this.#connection.leftAt;
  }

  /** When the relay asked it for answers. */
  get relayAskedAt(): readonly number[] {
    return this.#connection.askedAt;
  }

  /** Since when by what it says somebody speaks; null: nobody does. */
  get hearsSince(): number | null {
    return this.#hearsSince;
  }

  #closed(code: number): void {
    this.closedAt ??= this.#world.time.now;
    this.#world.checks.note(() => `${this.#name} closed (${code})`);
  }

  #id(kind: string): string {
    this.#numbered += 1;
    const { habits, name } = this.provider;
    return `${kind}_${habits.repeatsIds ? name : this.#name.replaceAll(".", "")}n${this.#numbered}`;
  }

  say(event: JsonObject | Readonly<Record<string, unknown>>): void {
    this.raw(JSON.stringify({ event_id: this.#id("event"), ...event }));
  }

  raw(data: Data): void {
    if (this.provider.silenced === this) return;
    this.#world.checks.note(() => `${this.#name} → ${brief(data)}`);
    this.#connection.send("far", data);
  }

  error(code: string, message: string, eventId: unknown): void {
    this.say({
      type: "error",
      error: { type: "invalid_request_error", code, message, param: null, event_id: eventId ?? null },
    });
  }

  /** The relay asked for something that a correct client of this dialect never asks for. */
  #refuse(code: string, what: string, event: JsonObject): void {
    this.#world.checks.count(`refused_${code}`);
    const passable = code === "conversation_already_has_active_response" && this.#mayBePassed;
    const crossed =
      passable || (this.provider.kind === "server" && CROSSABLE.has(code) && !this.#knownToAnswer);
    if (!crossed) {
      this.#world.checks.fail("provider-protocol", `${this.#name} had to refuse: ${what}`);
    }
    this.error(code, what, event["event_id"]);
  }

  /** The relay knew what had begun by then when it asked: nothing crosses for longer. */
  get #knownUntil(): number {
    const { scenario, time } = this.#world;
    const { delayMs, jitterMs, speed } = scenario.providerQuality;
    // Where lines stand still, or are slow, nobody knows what was known.
    if (speed < STEADY_SPEED || scenario.faults.includes("provider.line_stall")) return -Infinity;
    return time.now - 2 * (delayMs + jitterMs) - CROSSES_MS;
  }

  /** It was known that something is being answered, and not only dawdling. */
  get #knownToAnswer(): boolean {
    return this.#running().some(({ begunAt, dawdles }) => begunAt < this.#knownUntil && !dawdles);
  }

  /**
   * One that does not end what was cancelled may be asked for the next, and so may one that is late to begin it: only an
   * answer that was given up since waited for that (SPEC U45).
   */
  get #mayBePassed(): boolean {
    return this.#running().every(
      ({ askedAt, begunAt, dawdles }) => dawdles || (askedAt < this.#inVainAt && begunAt >= this.#knownUntil),
    );
  }

  hangUp(code: number, reason: string): void {
    this.#connection.close("far", code, reason);
    this.#closed(code);
  }

  reset(): void {
    this.#connection.cut();
    this.#closed(1006);
  }

  /** The provider's machine vanishes: nothing comes and nothing is taken, and no close is seen. */
  blackHole(): void {
    this.holedAt ??= this.#world.time.now;
    this.#connection.blackHole("far");
    this.#connection.blackHole("near");
  }

  /** What it says waits for so long. */
  stall(ms: number): void {
    this.#connection.stall("far", this.#world.time.now + ms);
  }

  #receive(data: Data): void {
    this.#world.checks.note(() => `${this.#name} ← ${brief(data)}`);
    if (!this.open) return;
    const event = typeof data === "string" ? parseJsonObject(data) : null;
    if (event === null) {
      this.#world.checks.fail("provider-protocol", `${this.#name} was sent what is no JSON object`);
      return;
    }
    const audio = event["type"] === "input_audio_buffer.append";
    // Hearing takes no time, but it waits its turn.
    if (audio && this.#busyUntil <= this.#world.time.now) this.#hear(event);
    else if (audio) this.#world.time.at(this.#busyUntil, () => this.#hear(event));
    else this.#soon(() => this.#handle(event));
  }

  /** A server takes its time, but it does one thing after the other. */
  #soon(run: () => void): void {
    const { time } = this.#world;
    this.#busyUntil = Math.max(this.#busyUntil, time.now) + this.#random.between(0.1, 3);
    time.at(this.#busyUntil, () => {
      if (this.open) run();
    });
  }

  #handle(event: JsonObject): void {
    switch (text(event["type"])) {
      case "session.update":
        return this.#configure(event);
      case "input_audio_buffer.commit":
        return this.#commit(event);
      case "input_audio_buffer.clear":
        this.ear.clear();
        this.#answered = false;
        return this.say({ type: "input_audio_buffer.cleared" });
      case "response.create":
        return this.#create(event);
      case "response.cancel":
        return this.#cancel(event);
      case "conversation.item.create":
        this.#answered = false;
        return this.items.create(event);
      case "conversation.item.truncate":
        return this.items.truncate(event);
      case "conversation.item.delete":
        return this.items.delete(event);
      default:
        this.#refuse("invalid_value", `an unknown event ${text(event["type"])}`, event);
    }
  }

  #configure(event: JsonObject): void {
    const { habits } = this.provider;
    if (!habits.configures) return this.#world.checks.strike("provider.never_ready");
    if (this.greetedAt !== null && habits.refusesUpdates > 0) {
      habits.refusesUpdates -= 1;
      this.error("invalid_value", "Invalid value in the session.", event["event_id"]);
      return this.provider.onRefusedUpdate();
    }
    this.greetedAt ??= this.#world.time.now;
    this.config = mergeDeep(this.config, fields(event["session"]));
    const audio = JSON.stringify(this.config);
    this.#tools = audio.includes('"name":"look"');
    this.#transcribes = audio.includes('"transcription":{');
    this.say({ type: "session.updated", session: this.config });
    if (habits.diesAfterReadyMs === null) return;
    this.#world.time.after(habits.diesAfterReadyMs, () => {
      if (!this.open) return;
      this.#world.checks.strike("provider.dies_when_ready");
      this.hangUp(1011, "quota");
    });
  }

  #hear(event: JsonObject): void {
    const { audio } = event;
    const bytes = typeof audio === "string" ? Uint8Array.fromBase64(audio) : new Uint8Array(0);
    const loud = this.ear.hear(bytes);
    if (this.provider.kind !== "turns")
      this.#listen(loud, (bytes.length * 1000) / (2 * this.#world.scenario.rateHz));
  }

  /** The provider's own turn detection: as simple as it can be. */
  #listen(loud: boolean, ms: number): void {
    this.#quietMs = loud ? 0 : this.#quietMs + ms;
    if (loud && this.#hearsSince === null) {
      this.#hearsSince = this.#world.time.now;
      this.say({ type: "input_audio_buffer.speech_started", audio_start_ms: 0, item_id: "soon" });
      for (const answer of this.#running()) answer.cancel("turn_detected");
    } else if (this.#hearsSince !== null && this.#quietMs >= this.provider.habits.vadSilenceMs) {
      this.#hearsSince = null;
      this.provider.onTurnEnd?.(this);
      this.say({ type: "input_audio_buffer.speech_stopped", audio_end_ms: 0, item_id: "soon" });
      this.#turn();
      if (this.provider.kind === "server") this.#answer({});
    }
  }

  #commit(event: JsonObject): void {
    const commit = this.#connection.commits.shift() ?? null;
    if (this.ear.bufferedMs < 100) {
      return this.#refuse("input_audio_buffer_commit_empty", `a commit of ${this.ear.bufferedMs} ms`, event);
    }
    this.#turn();
    if (this.provider.abandons) this.#answersCommit(commit);
  }

  /** Grok answers a turn as soon as it is committed, and what asks for it again is left unanswered. */
  #answersCommit(commit: Commit | null): void {
    this.#answered = false;
    this.#create({ type: "response.create" }, commit);
    this.#answered = true;
  }

  #turn(): void {
    const itemId = this.#id("item");
    const content = [{ type: "input_audio", transcript: null }];
    const item = {
      id: itemId,
      object: "realtime.item",
      type: "message",
      role: "user",
      status: "completed",
      content,
    };
    const turn = { ...this.ear.commit(), at: this.#world.time.now, again: false, deleted: false, call: this };
    this.#turns.set(itemId, turn);
    this.provider.turns.push(turn);
    this.provider.commits += 1;
    this.items.made(itemId, "message", "user");
    this.say({ type: "input_audio_buffer.committed", item_id: itemId, previous_item_id: null });
    this.say({ type: "conversation.item.added", item, previous_item_id: null });
    this.say({ type: "conversation.item.done", item, previous_item_id: null });
    if (!this.#transcribes) return;
    this.#world.time.after(this.#random.between(100, 600), () => {
      const type = "conversation.item.input_audio_transcription.completed";
      const said = { content_index: 0, transcript: "said", usage: { type: "duration", seconds: 1 } };
      if (this.open) this.say({ type, item_id: itemId, ...said });
    });
  }

  /** A turn that was committed in advance was none. */
  #takenBack(itemId: string): void {
    const { converted, eager, faults } = this.#world.scenario;
    this.#inVain(itemId);
    this.#inVainAt = Math.max(this.#inVainAt, this.#turns.get(itemId)?.at ?? -Infinity);
    const turn = eager ? this.#turns.get(itemId) : undefined;
    if (turn === undefined || this.provider.kind !== "turns") return;
    turn.deleted = true;
    const last = turn === this.#lastTurn;
    // Its name may come so late that it is deleted when it was said again. Where samples do not tell whether it was, how much
    // of a voice is left does.
    if (!last && !turn.again && !converted) return;
    if (last) this.#goesOn(turn);
    // What the client itself deletes was said all the same.
    if (!faults.includes("caller.delete")) this.provider.turns.splice(this.provider.turns.indexOf(turn), 1);
    if (last && !turn.again) this.ear.unhear(turn);
    this.#world.checks.count("turns taken back");
  }

  /** What an answer says is forgotten while it is said: then it is cancelled as well, where the relay can know which it is (L150). */
  #inVain(itemId: string): void {
    const { scenario, time, checks } = this.#world;
    const answer = this.#running().find((one) => one.itemId === itemId && !one.dawdles);
    if (answer === undefined || !this.#alone.has(answer)) return;
    // Looked at where it was measured that nothing else can lead to it.
    if (!scenario.faults.includes("caller.thinks_better") || scenario.faults.includes("caller.delete"))
      return;
    const { delayMs, jitterMs } = scenario.providerQuality;
    time.after(2 * (delayMs + jitterMs) + CANCELLED_WITHIN_MS, () => {
      const last = this.#answers.at(-1) === answer;
      if (this.open && last && !answer.over && !answer.dawdles)
        checks.fail("asked-twice", `${this.#name} forgets what it says, and says it to its end`);
    });
  }

  /** Its answer was asked for in vain too, and is cancelled before. */
  #goesOn({ at }: Turn): void {
    const { tools, faults } = this.#world.scenario;
    // What asks besides, or makes asks and answers hard to tell apart.
    const besides = ["caller.create", "caller.delete", "platform.", "provider."];
    // Only the profile `openai` is known here to take a cancellation.
    if (!this.provider.keepsIds) return;
    if (tools || faults.some((name) => besides.some((one) => name.startsWith(one)))) return;
    const answers = this.#running().filter((answer) => !answer.dawdles && answer.askedAt >= at);
    if (answers.length === 0) return;
    // One that was asked for while a former one was being cancelled is cancelled when the relay hears that it began.
    const { delayMs, jitterMs } = this.#world.scenario.providerQuality;
    this.#world.time.after(2 * (delayMs + jitterMs) + CANCELLED_WITHIN_MS, () => {
      if (this.open && answers.some((answer) => !answer.over && !answer.dawdles))
        this.#world.checks.fail("asked-twice", `${this.#name} forgets a turn, and its answer goes on`);
    });
  }

  /** The last turn from its beginning on; its deletion may still have to wait for its name. */
  #hearsAgain(): Turn | null {
    const turn = this.#lastTurn;
    if (!turn || this.provider.kind !== "turns" || !this.#world.scenario.eager) return null;
    turn.again = true;
    return turn;
  }

  get #lastTurn(): Turn | undefined {
    return [...this.#turns.values()].at(-1);
  }

  #running(): readonly Answer[] {
    return this.#answers.filter((answer) => !answer.over && !answer.outOfBand);
  }

  /** @param commit what Grok answers; null: it is asked for */
  #create(event: JsonObject, commit: Commit | null = null): void {
    if (this.provider.kind === "transcriber")
      return this.#refuse("invalid_value", "a transcription session was asked for an answer", event);
    const wanted = fields(event["response"]);
    if (this.provider.abandons) {
      if (this.#answered && this.ear.bufferedMs === 0) return;
      this.#answered = false;
      if (Object.keys(wanted).some((key) => key !== "metadata") && this.ear.bufferedMs >= 100) this.#turn();
    }
    const outOfBand = wanted["conversation"] === "none";
    const alone = this.#running().length === 0;
    if (!outOfBand && this.#running().length > 0) {
      if (!this.provider.abandons) {
        return this.#refuse(
          "conversation_already_has_active_response",
          "response.create while one is active",
          event,
        );
      }
      // Grok drops the former without a word (`profiles.ts`); of one that has begun it may still tell the rest.
      for (const answer of this.#running()) {
        answer.dropped();
        this.stuck(answer);
      }
    }
    const answer = this.#answer(wanted, commit);
    if (alone) this.#alone.add(answer);
  }

  #answer(asked: JsonObject, commit: Commit | null = null): Answer {
    const tool = this.#tools && this.items.lastType !== "function_call_output" && this.#random.chance(0.5);
    const plan = performance(this.#random, tool);
    if (this.#world.scenario.eager) {
      // Soon enough to be known of before the caller goes on.
      plan.thinkMs /= 2;
      plan.firstMs /= 3;
    }
    if (tool && this.#world.scenario.webhook === true) plan.toolLingerMs = lingersMs(this.#random);
    this.provider.asks.push({ at: this.#world.time.now, commit });
    this.provider.prepare(plan);
    const answer = new Answer(this.#world, this, this.#id("resp"), asked, plan);
    this.#answers.push(answer);
    return answer;
  }

  /** It stops without ever saying so. */
  stuck(answer: Answer): void {
    const at = this.#answers.indexOf(answer);
    if (at >= 0 && this.provider.abandons) this.#answers.splice(at, 1);
  }

  answered(answer: Answer, status: string): void {
    this.provider.answers.push({ number: answer.number, status, audioMs: answer.sentMs });
  }

  #cancel(event: JsonObject): void {
    const { response_id } = event;
    const chosen = this.#answers.filter(
      (answer) => !answer.over && (response_id === undefined || answer.id === response_id),
    );
    // A server that is stuck in an answer says nothing of it; OpenAI would say that it is none.
    if (!this.provider.keepsIds && this.#answers.some(({ id, stalled }) => stalled && id === response_id))
      return;
    if (chosen.length === 0) {
      // Crossing the end of the answer is nobody's fault.
      const message = "Cancellation failed: no active response found";
      this.error("response_cancel_not_active", message, event["event_id"]);
    }
    this.#answered = false;
    for (const answer of chosen) answer.cancel("client_cancelled");
  }
}
