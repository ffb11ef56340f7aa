/**
 * Calls with a background mind: what agents hand on goes to a text model that is quick, slow, late, hostile or gone. What comes of it
 * is told as one note, never while the caller speaks or an answer is given, not after it was called off, and every task has an end.
 */
import type { Call, DialEvents } from "../../durable-objects/dial.ts";
import type { BackgroundPlan } from "../../src/session/state/background-plan.ts";
import { isJsonObject, parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import type { SessionSnapshot } from "../../src/session/session.ts";
import type { DialRequest } from "../../src/upstreams/upstream.ts";
import { objectsAt, textAt } from "../../src/upstreams/json.ts";
import { fields } from "./fields.ts";
import type { OutputGate } from "./output-gate.ts";
import type { Random } from "./random.ts";
import type { Moment } from "./store.ts";
import type { Scenario, World } from "./world.ts";

export const BACKGROUND_MIND = "background.mind";
export const MIND_URL = "https://mind.sim/v1/chat/completions";

const STALE_MS = 5000;
const ANSWER_MS = 1500;
const IDLE_MS = 800;

/** Under the name of the tool that agents call. */
export const MIND: BackgroundPlan = {
  text: {
    adapter: "chat-completions",
    url: MIND_URL,
    model: "thinker",
    settings: { answerMs: ANSWER_MS, idleMs: IDLE_MS },
  },
  name: "look",
  description: "Looks.",
  instructions: "",
  tools: [],
  announce: true,
  staleMs: STALE_MS,
  atOnce: 3,
};

/** Drawn only where it is named: all other calls are what they were. */
export function withMind(scenario: Scenario): Scenario {
  if (!scenario.faults.includes(BACKGROUND_MIND)) return scenario;
  return { ...scenario, tools: true, webhook: true, mind: true, session: { ...scenario.session, tools: [] } };
}

/** Arguments of the call that an answer makes. */
export const taskOf = (answer: number): string =>
  JSON.stringify({ answer, task: `task ${answer}.`, urgent: answer % 3 === 0 });

const TASK = /task (\d+)\./;
/** Where a request says it, as JSON. */
const ASKED = /The task:\\n(task \d+\.)/;
/** As a note begins that tells what came of a task, and one of a task that was dropped. */
const TOLD = 'The task that you handed on: "';

type Kind =
  | "quick"
  | "slow"
  | "stale"
  | "never"
  | "refuses"
  | "busy"
  | "stalls"
  | "breaks"
  | "endless"
  | "rubbish"
  | "no stream"
  | "much";
const KINDS: readonly Kind[] = [
  "quick",
  "quick",
  "quick",
  "slow",
  "slow",
  "stale",
  "never",
  "refuses",
  "busy",
  "stalls",
  "breaks",
  "endless",
  "rubbish",
  "no stream",
  "much",
];

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const chunk = (content: string): Uint8Array =>
  bytes(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`);
const SSE = { status: 200, type: "text/event-stream" } as const;

export class Minds {
  readonly #world: World;
  readonly #random: Random;
  /** Tasks by the name of their calls, as the relay told of them. */
  readonly #tasks = new Map<string, string>();
  readonly #over = new Set<string>();
  /** Tasks that were called off, by their words. */
  readonly #calledOff = new Set<string>();
  /** The caller's turn is open, as the relay says. */
  #speaking = false;
  readonly #answers = new Set<string>();
  /** What its requests were answered with, by the words of a task. */
  readonly #kinds = new Map<string, Kind[]>();

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** A task that is under way, as the client knows. */
  get some(): string | null {
    return [...this.#tasks.keys()].find((id) => !this.#over.has(id)) ?? null;
  }

  /** The relay tells its client. */
  told(data: string): void {
    if (this.#world.scenario.mind !== true) return;
    const event = parseJsonObject(data);
    const type = textAt(event, "type") ?? "";
    if (type === "session.created" || type === "session.resumed") this.#anew();
    else if (type === "input_audio_buffer.speech_started") this.#speaking = true;
    else if (type === "input_audio_buffer.speech_stopped") this.#speaking = false;
    else if (type === "input_audio_buffer.committed") this.#speaking = false;
    else if (type === "response.created") this.#began(fields(event?.["response"]));
    else if (type === "response.done") this.#answers.delete(textAt(fields(event?.["response"]), "id") ?? "");
    else if (type.startsWith("relay.delegation.")) this.#step(type, event ?? {});
    else if (type === "conversation.item.done") this.#note(fields(event?.["item"]));
  }

  /** The relay tells the application, where its client is not told. */
  observed(data: string): void {
    const event = parseJsonObject(data);
    const type = textAt(event, "type") ?? "";
    if (type.startsWith("relay.delegation.")) this.#step(type, event ?? {});
  }

  /** At tasks of which the application was not told. */
  look({ conduct }: SessionSnapshot): void {
    for (const { text, failure } of conduct.tools?.background?.tasks ?? [])
      if (failure === "unreachable") this.#blamed(text);
  }

  /** What is durable has a request of which words have come. */
  isWriting(stored: Moment | null): boolean {
    const requests = stored?.snapshot.conduct.tools?.background?.thinking.requests ?? [];
    return requests.some(({ stream }) => stream.said);
  }

  #anew(): void {
    this.#speaking = false;
    this.#answers.clear();
  }

  #began(response: JsonObject): void {
    if (response["conversation_id"] !== null) this.#answers.add(textAt(response, "id") ?? "");
  }

  #step(type: string, event: JsonObject): void {
    const id = textAt(event, "delegation_id") ?? "";
    const what = type.slice("relay.delegation.".length);
    this.#world.checks.count(`minds: ${what} ${textAt(event, "reason") ?? ""}`.trim());
    if (textAt(event, "reason") === "unreachable") this.#blamed(this.#tasks.get(id) ?? "");
    if (what === "started") this.#tasks.set(id, textAt(event, "task") ?? "");
    if (what === "placed" || what === "dropped") this.#over.add(id);
    if (textAt(event, "reason") === "cancelled") this.#calledOff.add(this.#tasks.get(id) ?? "");
  }

  #note(item: JsonObject): void {
    const note = noteOf(item);
    if (note === null) return;
    const { checks } = this.#world;
    const task = TASK.exec(note)?.[0] ?? "";
    checks.count("minds: notes");
    if (this.#speaking)
      checks.fail("mind-over-caller", `what came of ${task} is told while the caller speaks`);
    if (this.#answers.size > 0)
      checks.fail(
        "mind-over-answer",
        `what came of ${task} is told while ${[...this.#answers].join()} is given`,
      );
    if (this.#calledOff.has(task)) checks.fail("mind-called-off", `${task} was called off, and is told of`);
  }

  /** A text model that was not there, or broke off: of one that died with the object it is asked anew. */
  #blamed(task: string): void {
    const kinds = this.#kinds.get(task) ?? [];
    if (!kinds.includes("busy") && !kinds.includes("breaks"))
      this.#world.checks.fail("mind-blamed", `${task} has failed, and was answered ${kinds.join()}`);
  }

  /** A request to the text model. */
  dial({ http }: DialRequest, events: DialEvents, gate: OutputGate): Call {
    let over = false;
    const kind = this.#random.pick(KINDS);
    const [, task = ""] = ASKED.exec(String(http?.body)) ?? [];
    this.#kinds.set(task, [...(this.#kinds.get(task) ?? []), kind]);
    const { checks, time } = this.#world;
    const later = (ms: number, run: () => void) =>
      time.after(ms, () => {
        if (!over) run();
        time.unsettled();
      });
    const end = (code: number, reason = ""): void => {
      over = true;
      events.closed(code, reason);
    };
    checks.strike(BACKGROUND_MIND);
    checks.count(`minds: ${kind}`);
    checks.note(() => `mind ← a request: ${kind}`);
    gate.pass(() => this.#respond(kind, events, later, end));
    return {
      hangUp: () => {
        over = true;
      },
    };
  }

  #respond(
    kind: Kind,
    events: DialEvents,
    later: (ms: number, run: () => void) => void,
    end: (code: number, reason?: string) => void,
  ): void {
    const afterMs = { slow: 1200, stale: 1400 }[kind as string] ?? this.#random.between(20, 500);
    if (kind !== "never")
      later(afterMs, () => {
        if (kind === "refuses" || kind === "busy") {
          events.opened(null, { status: kind === "busy" ? 503 : 401, type: "application/json" });
          later(20, () => end(1000));
          return;
        }
        events.opened(null, kind === "no stream" ? { status: 200, type: "text/html" } : SSE);
        this.#body(kind, events, later, end);
      });
  }

  #body(
    kind: Kind,
    events: DialEvents,
    later: (ms: number, run: () => void) => void,
    end: (code: number, reason?: string) => void,
  ): void {
    const word = (n: number): void => {
      events.message(chunk(`word${n} `));
      if (kind === "endless") later(300, () => word(n + 1));
      else if (kind === "stale" && n < 16) later(300, () => word(n + 1));
      else if (kind === "stalls") return;
      else if (kind === "breaks") later(40, () => end(1006));
      else if (n < 4) later(60, () => word(n + 1));
      else {
        events.message(bytes("data: [DONE]\n\n"));
        later(5, () => end(1000));
      }
    };
    if (kind === "rubbish" || kind === "no stream") events.message(bytes("data: {rubbish\n\n"));
    if (kind === "much") events.message(chunk("x".repeat(9000)));
    if (kind === "rubbish" || kind === "no stream" || kind === "much") later(20, () => end(1000));
    else later(30, () => word(0));
  }
}

/** What came of a task, as its speaker is told; null: it is no such item. */
function noteOf(item: JsonObject): string | null {
  if (textAt(item, "role") !== "system") return null;
  const text = objectsAt(item, "content").map((part) => textAt(part, "text") ?? "")[0] ?? "";
  return text.startsWith(TOLD) ? text : null;
}

/** Nothing more comes: every task has one note, or was dropped, or waits; none has two. */
export function tasksEnded(
  { checks, scenario }: World,
  { conversation, conduct, context }: SessionSnapshot,
): void {
  if (scenario.mind !== true) return;
  const told = new Map<string, number>();
  for (const { item } of conversation.entries) {
    const note = isJsonObject(item) ? noteOf(item) : null;
    const task = note === null ? "" : (TASK.exec(note)?.[0] ?? "");
    if (task !== "") told.set(task, (told.get(task) ?? 0) + 1);
  }
  for (const [task, times] of told)
    if (times > 1) checks.fail("mind-twice", `what came of ${task} is told ${times} times`);
  const late =
    conduct.tools?.background?.tasks.filter(({ since }) => context.now - since > STALE_MS + 100) ?? [];
  for (const { text } of late)
    checks.fail("mind-no-end", `${text} is under way or waits for longer than it may`);
}
