/**
 * A lively conversation in which three tasks are nearly always under way: the caller asks, interrupts, and leaves pauses of all
 * lengths; the text model takes one to fifteen seconds, and what takes more than twelve is stale. What is measured is when what
 * came of a task was told, by what the caller's microphone and the listener's ear really had then.
 */
import { CLIENT } from "../../src/session/io.ts";
import { MIND, Thought, thoughts } from "../../test/support/background.ts";
import { Call } from "../../test/support/call.ts";
import { seeded, silence, voice } from "../../test/support/signal.ts";

const STALE_MS = 12_000;
const IN_FLIGHT = 3;
const STEP_MS = 20;
const STEP_SAMPLES = 24 * STEP_MS;
const URGENT_EVERY = 4;
const VOICE = voice(3000);
const ROOM = silence(STEP_MS);
const LONGEST_MS = 4 * 60 * 60_000;

export interface BackgroundFigures {
  readonly tasks: number;
  readonly minutes: number;
  readonly turns: number;
  readonly interruptions: number;
  readonly most_in_flight: number;
  readonly placed_at_gap: number;
  readonly placed_urgent: number;
  readonly dropped_stale: number;
  /** Told while the caller's voice sounded, or an agent's did (what is urgent waits for no agent's to be heard). */
  readonly over_caller: number;
  readonly over_agent: number;
  /** Told twice, later than the deadline, before something that was over sooner, or never heard of again. */
  readonly twice: number;
  readonly late: number;
  readonly out_of_order: number;
  readonly without_end: number;
  /** From the end of a task to its telling. */
  readonly wait_ms_median: number;
  readonly wait_ms_p95: number;
  /** The first tasks, step by step. */
  readonly log: readonly string[];
}

interface Known {
  readonly urgent: boolean;
  doneAt: number | null;
  placedAt: number | null;
  ends: number;
}

class Conversation {
  readonly call = new Call({ background: { ...MIND, staleMs: STALE_MS }, dialect: "duplex.v1" });
  readonly #random = seeded(2026);
  readonly tasks = new Map<string, Known>();
  readonly log: string[] = [];
  turns = 0;
  interruptions = 0;
  mostInFlight = 0;
  overCaller = 0;
  overAgent = 0;
  outOfOrder = 0;
  asked = 0;
  #read = 0;
  #commands = 0;
  #frames = 0;
  #thoughts = 0;
  #audibleUntil = 0;
  /** The caller speaks until then, and begins the next time then. */
  #speaksUntil = 0;
  #speaksAt = 1000;
  #sounds = false;
  #begunAt = 0;
  #keys = 0;
  #later: { readonly at: number; readonly run: () => void }[] = [];

  get #now(): number {
    return this.call.now - 1_000_000;
  }

  #between(least: number, most: number): number {
    return Math.round((least + this.#random() * (most - least)) / STEP_MS) * STEP_MS;
  }

  #after(ms: number, run: () => void): void {
    this.#later.push({ at: this.#now + ms, run });
  }

  step(): void {
    const { call } = this;
    const now = this.#now;
    const due = this.#later.filter(({ at }) => at <= now);
    this.#later = this.#later.filter(({ at }) => at > now);
    for (const { run } of due) run();
    this.#caller(now);
    const at = this.#sounds ? ((now - this.#begunAt) / STEP_MS) * STEP_SAMPLES : 0;
    call.append((this.#sounds ? VOICE : ROOM).subarray(at, at + STEP_SAMPLES));
    call.advance(STEP_MS);
    call.input({ type: "persisted", covers: call.session.covers });
    this.#think();
    this.#agent();
    this.#hear();
    if (now % 500 === 0) {
      call.client({ type: "session.heartbeat" });
      call.input({ type: "buffered", peer: CLIENT, bytes: 0 });
      const last = Math.max(0, ...call.events.map((event) => Number(event["server_event_seq"] ?? 0)));
      if (last > 0) call.client({ type: "session.ack", last_received: last });
      call.actions.length = 0;
      this.#thoughts = 0;
      call.clearEvents();
      this.#read = 0;
      this.#frames = 0;
    }
  }

  /** Speaks, and then listens for a while: to the end of an answer and a pause, or into the middle of it. */
  #caller(now: number): void {
    if (this.#sounds) {
      if (now < this.#speaksUntil) return;
      this.#sounds = false;
      this.turns += 1;
      const interrupts = this.#random() < 0.3;
      this.#speaksAt = now + (interrupts ? this.#between(1500, 3500) : this.#between(3500, 9000));
    } else if (now >= this.#speaksAt) {
      this.#sounds = true;
      this.#begunAt = now;
      this.#speaksUntil = now + this.#between(700, 2500);
      if (this.#audibleUntil > now) this.interruptions += 1;
    }
  }

  /** The text model takes its time. */
  #think(): void {
    const all = thoughts(this.call);
    for (let at = this.#thoughts; at < all.length; at += 1) {
      const thought = new Thought(this.call, at);
      thought.begins();
      this.#after(this.#between(1000, 15_000), () => {
        if (thought.open) thought.brings(wordsOf("It is found."));
      });
    }
    this.#thoughts = all.length;
  }

  /** The speaker answers what it is asked, and hands on while there is room for a task. */
  #agent(): void {
    const commands = this.call.commands();
    for (; this.#commands < commands.length; this.#commands += 1) {
      const command = commands[this.#commands];
      if (command?.type !== "respond") continue;
      const id = command.responseId;
      this.#after(this.#between(200, 600), () => this.#answer(id));
    }
  }

  #answer(id: string): void {
    const response = `k${(this.#keys += 1)}`;
    const { call } = this;
    call.upstream({ type: "response.started", response, answers: id });
    const item = `${response}i`;
    const done = { reason: null, error: null, usage: null, metadata: null };
    const end = () => call.upstream({ type: "response.done", response, status: "completed", ...done });
    const handsOn = this.#inFlight < IN_FLIGHT && this.#random() < 0.6;
    if (handsOn) {
      this.asked += 1;
      const given = JSON.stringify({ task: `task ${this.asked}`, urgent: this.asked % URGENT_EVERY === 0 });
      const about = {
        response,
        item,
        kind: "function_call",
        name: "delegate",
        callId: `c${this.asked}`,
      } as const;
      call.upstream({ type: "item.started", ...about });
      call.upstream({ type: "item.done", response, item, status: "completed", arguments: given });
      end();
      return;
    }
    call.upstream({ type: "item.started", response, item, kind: "message" });
    const samples = new Int16Array(24 * this.#between(800, 4000)).fill(3000);
    const audio = new Uint8Array(samples.buffer).toBase64();
    call.upstream({ type: "transcript", response, item, delta: "So it is." });
    call.upstream({ type: "audio", response, item, audio });
    call.upstream({ type: "item.done", response, item, status: "completed" });
    end();
  }

  get #inFlight(): number {
    return [...this.tasks.values()].filter(({ ends }) => ends === 0).length;
  }

  /** What the client is told, and hears. */
  #hear(): void {
    const now = this.#now;
    for (; this.#frames < this.call.frames.length; this.#frames += 1) {
      const ms = (this.call.frames[this.#frames]?.payload.length ?? 0) / 48;
      this.#audibleUntil = Math.max(this.#audibleUntil, now) + ms;
    }
    for (; this.#read < this.call.events.length; this.#read += 1) this.#told(this.#read, now);
    this.mostInFlight = Math.max(this.mostInFlight, this.#inFlight);
  }

  #told(at: number, now: number): void {
    const event = this.call.events[at];
    if (event?.type === "overlap.decision" && event["decision"] === "interrupt") this.#audibleUntil = now;
    if (event?.type === "output_audio_buffer.cleared") this.#audibleUntil = now;
    if (!event?.type.startsWith("relay.delegation.")) return;
    const id = String(event["delegation_id"]);
    const what = event.type.slice("relay.delegation.".length);
    const why = (event["reason"] ?? event["step"] ?? "") as string;
    if (this.tasks.size < 6)
      this.log.push(`${(now / 1000).toFixed(1)} s ${id.slice(-4)} ${what} ${why}`.trim());
    const task = this.tasks.get(id);
    if (what === "started")
      this.tasks.set(id, { urgent: event["urgent"] === true, doneAt: null, placedAt: null, ends: 0 });
    if (task === undefined) return;
    if (what === "done" || what === "failed") task.doneAt = now;
    if (what === "dropped") task.ends += 1;
    if (what === "placed") this.#placed(task, why, now);
  }

  #placed(task: Known, why: string, now: number): void {
    task.ends += 1;
    task.placedAt = now;
    if (this.#sounds) this.overCaller += 1;
    if (why === "gap" && this.#audibleUntil > now) this.overAgent += 1;
    const sooner = [...this.tasks.values()].some(
      (other) =>
        other.ends === 0 &&
        other.doneAt !== null &&
        (other.urgent && !task.urgent
          ? true
          : other.urgent === task.urgent && other.doneAt < (task.doneAt ?? 0)),
    );
    if (sooner) this.outOfOrder += 1;
  }
}

function wordsOf(content: string): string {
  const chunk = (delta: object, finish_reason: string | null) =>
    `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
  return `${chunk({ content }, null)}${chunk({}, "stop")}data: [DONE]\n\n`;
}

export function backgroundFigures(tasks: number): BackgroundFigures {
  const talk = new Conversation();
  const over = () => talk.asked >= tasks && [...talk.tasks.values()].every(({ ends }) => ends > 0);
  while (!over() && talk.call.now < LONGEST_MS) talk.step();
  const all = [...talk.tasks.values()];
  const placed = all.filter(({ placedAt }) => placedAt !== null);
  const waits = placed.map(({ placedAt, doneAt }) => (placedAt ?? 0) - (doneAt ?? 0)).sort((a, b) => a - b);
  const share = (part: number) =>
    waits[Math.min(waits.length - 1, Math.floor(part * waits.length))] ?? Number.NaN;
  return {
    tasks: all.length,
    minutes: Math.round((talk.call.now - 1_000_000) / 60_000),
    turns: talk.turns,
    interruptions: talk.interruptions,
    most_in_flight: talk.mostInFlight,
    placed_at_gap: placed.filter(({ urgent }) => !urgent).length,
    placed_urgent: placed.filter(({ urgent }) => urgent).length,
    dropped_stale: all.length - placed.length,
    over_caller: talk.overCaller,
    over_agent: talk.overAgent,
    twice: all.filter(({ ends }) => ends > 1).length,
    late: waits.filter((ms) => ms > STALE_MS).length,
    out_of_order: talk.outOfOrder,
    without_end: all.filter(({ ends }) => ends === 0).length,
    wait_ms_median: share(0.5),
    wait_ms_p95: share(0.95),
    log: talk.log,
  };
}
