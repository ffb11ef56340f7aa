/** One answer of a provider, given in time: in the order of OpenAI's events (openai-realtime.md §5). */
import { wordsBetween } from "./guard.ts";
import type { Moment, Performance } from "./performance.ts";
import type { ProviderCall } from "./provider-call.ts";
import { agentAudio, bytesOf } from "./tape.ts";
import { taskOf } from "./minds.ts";
import { wantedBy } from "./tools.ts";
import type { World } from "./world.ts";

type JsonObject = Readonly<Record<string, unknown>>;

export class Answer {
  readonly id: string;
  readonly itemId: string;
  /** What its audio spells. */
  readonly number: number;
  readonly outOfBand: boolean;
  readonly askedAt: number;
  /** When it was said to begin; Infinity: it was not. */
  begunAt = Infinity;
  readonly #world: World;
  readonly #call: ProviderCall;
  readonly #performance: Performance;
  readonly #metadata: unknown;
  #state: "thinking" | "speaking" | "over" = "thinking";
  #itemBegun = false;
  #itemEnded = false;
  #sentBytes = 0;
  #words = 0;
  /** The arguments of its call, as far as it has said them: of a call that is cut off its end says no more. */
  #called = "";
  /** All that it said, in calls under a guard. */
  #sentences = "";
  #cancelled = false;
  /** Cancelled, and silent until its end. */
  #mumbling = false;

  constructor(world: World, call: ProviderCall, id: string, asked: JsonObject, performance: Performance) {
    this.#world = world;
    this.#call = call;
    this.#performance = performance;
    this.id = id;
    this.itemId = `item_${id}`;
    this.number = world.nextAnswer(call.provider.name);
    this.askedAt = world.time.now;
    this.outOfBand = asked["conversation"] === "none";
    this.#metadata = asked["metadata"] ?? null;
    world.typed.look(call.provider.name, call.items.typed);
    world.wishes.asked(call.provider.name, asked);
    if (performance.swallowed) this.#state = "over";
    if (performance.thinkMs === Infinity || performance.swallowed) this.#struck("begin");
    else this.#after(performance.thinkMs, () => this.#begin());
  }

  get over(): boolean {
    return this.#state === "over";
  }

  /** It stopped, and nothing is said of it any more. */
  stalled = false;

  /** Cancelled, and not ended. */
  get dawdles(): boolean {
    return this.#cancelled && !this.over;
  }

  get sentMs(): number {
    return (this.#sentBytes * 1000) / (2 * this.#world.scenario.rateHz);
  }

  #after(ms: number, run: () => void): void {
    this.#world.time.after(ms, () => {
      if (this.#state !== "over" && this.#call.open) run();
    });
  }

  /** Another one was asked for: what has not begun never does. */
  dropped(): void {
    if (this.#state === "thinking") this.#state = "over";
  }

  #struck(when: Moment): void {
    for (const fault of this.#performance.faults) {
      if (fault.when === when) this.#world.checks.strike(fault.name);
    }
  }

  #response(status: string, details: JsonObject | null): JsonObject {
    return {
      id: this.id,
      object: "realtime.response",
      status,
      status_details: details,
      output: status === "in_progress" ? [] : this.#output(status),
      conversation_id: this.outOfBand ? null : "conv_provider",
      metadata: this.#call.provider.repeatsMetadata ? this.#metadata : null,
      usage: status === "in_progress" ? null : { total_tokens: 30, input_tokens: 10, output_tokens: 20 },
    };
  }

  #output(status: string): JsonObject[] {
    return this.#itemBegun ? [this.#item(status === "completed" ? "completed" : "incomplete")] : [];
  }

  #item(status: string): JsonObject {
    const base = { id: this.itemId, object: "realtime.item", status };
    if (this.#performance.tool) {
      const call_id = `call_${this.id}`;
      return { ...base, type: "function_call", name: "look", call_id, arguments: this.#called };
    }
    return {
      ...base,
      type: "message",
      role: "assistant",
      content: [{ type: "output_audio", transcript: this.#transcript() }],
    };
  }

  get #arguments(): string {
    if (this.#world.scenario.mind === true) return taskOf(this.number);
    const { pieces = 0 } = this.#performance;
    const because = pieces > 0 ? "and more ".repeat(pieces * 9) : "";
    if (this.#world.scenario.webhook === true) return wantedBy(this.number, because);
    return JSON.stringify({ where: "there", ...(because !== "" && { because }) });
  }

  #transcript(): string {
    if (this.#world.scenario.guard !== undefined) return this.#sentences;
    return Array.from({ length: this.#words }, (_, n) => `word${n} `).join("");
  }

  get #at(): JsonObject {
    return { response_id: this.id, item_id: this.itemId, output_index: 0, content_index: 0 };
  }

  #begin(): void {
    // A cancellation may have made it begin sooner than it would have.
    if (this.#state !== "thinking") return;
    this.#state = "speaking";
    this.begunAt = this.#world.time.now;
    this.#struck("begin");
    this.#call.say({ type: "response.created", response: this.#response("in_progress", null) });
    if (this.#performance.empty) this.#after(this.#performance.firstMs, () => this.end("completed", null));
    else if (this.#performance.firstMs < Infinity)
      this.#after(this.#performance.firstMs, () => this.#beginItem());
  }

  #beginItem(): void {
    this.#itemBegun = true;
    const content = this.#performance.tool ? {} : { content: [] };
    const item = {
      ...this.#item("in_progress"),
      ...content,
    };
    this.#call.say({ type: "response.output_item.added", response_id: this.id, output_index: 0, item });
    if (!this.outOfBand) {
      const type = this.#performance.tool ? "function_call" : "message";
      this.#call.items.made(this.itemId, type, "assistant", this.number);
      this.#call.say({ type: "conversation.item.added", previous_item_id: null, item });
    }
    if (this.#performance.tool) {
      this.#callOn(0);
      return;
    }
    const part = { type: "audio", transcript: "" };
    this.#call.say({ type: "response.content_part.added", ...this.#at, part });
    this.#speak();
  }

  /** The arguments of its call, from a place on. */
  #callOn(from: number): void {
    const { pieces = 0, pieceMs = 0 } = this.#performance;
    const whole = this.#arguments;
    const to = pieces === 0 ? 9 : Math.min(whole.length, from + Math.ceil(whole.length / pieces));
    const delta = whole.slice(from, to);
    this.#called += delta;
    this.#call.say({
      type: "response.function_call_arguments.delta",
      ...this.#at,
      call_id: `call_${this.id}`,
      delta,
    });
    if (pieces === 0 || to === whole.length) this.#after(40, () => this.#finish());
    else this.#after(pieceMs, () => this.#callOn(to));
  }

  #speak(): void {
    const { totalMs, chunkMs, pace, breakAt } = this.#performance;
    const until = breakAt === null ? totalMs : Math.min(totalMs, breakAt.ms);
    if (this.#mumbling) return;
    const left = until - this.sentMs;
    if (left >= 1) {
      this.#chunk(Math.min(chunkMs, left));
      this.#after(chunkMs / pace, () => this.#speak());
    } else if (breakAt !== null && breakAt.ms <= totalMs) this.#break(breakAt.how);
    else this.#finish();
  }

  #chunk(ms: number): void {
    const { rateHz } = this.#world.scenario;
    const { odd, silent, faint } = this.#performance;
    // An odd piece carries the first byte of a sample; the next one begins with its second.
    const wanted =
      Math.max(2, Math.round((ms * rateHz) / 1000) * 2) +
      (odd && this.#sentBytes % 2 === 0 ? 1 : odd ? -1 : 0);
    const from = this.#sentBytes >> 1;
    const to = (this.#sentBytes + wanted + 1) >> 1;
    const samples = silent || faint ? nearSilence(from, to, faint) : agentAudio(this.number, from, to);
    const bytes = bytesOf(samples).subarray(this.#sentBytes % 2, (this.#sentBytes % 2) + wanted);
    const fromMs = this.sentMs;
    this.#sentBytes += bytes.length;
    const delta = this.#say(fromMs);
    const words = () =>
      delta === "" || this.#call.say({ type: "response.output_audio_transcript.delta", ...this.#at, delta });
    // Profiles of which nobody knows better say the words behind their sound.
    const late = this.#world.scenario.guard !== undefined && !this.#call.provider.echoesMetadata;
    if (!late) words();
    this.#call.say({ type: "response.output_audio.delta", ...this.#at, delta: bytes.toBase64() });
    if (late) words();
    this.#call.items.grew(this.itemId, this.sentMs);
  }

  /** The words of the sound since then. */
  #say(fromMs: number): string {
    if (this.#world.scenario.guard !== undefined) {
      const words = wordsBetween(this.number, fromMs, this.sentMs);
      this.#sentences += words;
      return words;
    }
    this.#words += 1;
    return `word${this.#words - 1} `;
  }

  #break(how: NonNullable<Performance["breakAt"]>["how"]): void {
    this.#struck("break");
    switch (how) {
      case "stall":
        this.#state = "over";
        this.stalled = true;
        this.#call.stuck(this);
        this.#call.items.stalled(this.itemId, this.askedAt);
        return;
      case "close":
        return this.#call.hangUp(1011, "internal error");
      case "reset":
        return this.#call.reset();
      case "hole":
        return this.#call.blackHole();
      case "expire":
        this.#call.error("session_expired", "Your session hit the maximum duration.", null);
        return this.#call.hangUp(1001, "Your session hit the maximum duration.");
      case "fail":
        return this.end("failed", {
          type: "failed",
          error: { code: "server_error", message: "Overloaded." },
        });
      case "garbage":
        for (const text of ["{", "[]", "null", '{"type":7}', '{"type":"response.output_audio.delta"}'])
          this.#call.raw(text);
        this.#call.raw(Uint8Array.of(1, 2, 3));
        break;
      case "error":
        this.#call.error("server_busy", "Something is slow.", null);
        break;
    }
    const { totalMs, chunkMs } = this.#performance;
    if (totalMs - this.sentMs >= 1) this.#chunk(Math.min(chunkMs, totalMs - this.sentMs));
    this.#after(10, () => this.#finish());
  }

  #finish(): void {
    if (this.#performance.tool) {
      const { response_id, item_id, output_index } = this.#at;
      const done = { response_id, item_id, output_index, call_id: `call_${this.id}`, name: "look" };
      this.#called = this.#arguments;
      this.#call.say({
        type: "response.function_call_arguments.done",
        ...done,
        arguments: this.#called,
      });
    } else {
      this.#call.say({ type: "response.output_audio.done", ...this.#at });
      const transcript = this.#transcript();
      this.#call.say({ type: "response.output_audio_transcript.done", ...this.#at, transcript });
      const part = { type: "audio", transcript };
      this.#call.say({ type: "response.content_part.done", ...this.#at, part });
    }
    const { tool, toolLingerMs = 0 } = this.#performance;
    if (tool && toolLingerMs > 0) this.#itemEnds("completed");
    const lingerMs = this.#performance.lingerMs + (tool ? toolLingerMs : 0);
    if (lingerMs === 0) return this.end("completed", null);
    this.#struck("end");
    this.#after(lingerMs, () => this.end("completed", null));
  }

  #itemEnds(status: string): void {
    if (this.#itemEnded) return;
    this.#itemEnded = true;
    const item = this.#item(status);
    this.#call.say({ type: "response.output_item.done", response_id: this.id, output_index: 0, item });
  }

  /** `response.done`, after the item's own end. */
  end(status: "completed" | "cancelled" | "failed", details: JsonObject | null): void {
    if (this.#state === "over") return;
    const { epilogue } = this.#performance;
    if (this.#itemBegun) this.#itemEnds(status === "completed" ? "completed" : "incomplete");
    this.#state = "over";
    const done = { type: "response.done", response: this.#response(status, details) };
    this.#call.say(done);
    this.#call.answered(this, status);
    if (epilogue === "nothing") return;
    this.#struck("end");
    const late = {
      type: "response.output_audio.delta",
      ...this.#at,
      delta: bytesOf(agentAudio(this.number, 0, 160)).toBase64(),
    };
    this.#world.time.after(30, () => this.#call.say(epilogue === "twice" ? done : late));
  }

  /** The caller interrupted, or the relay cancelled. */
  cancel(reason: string): void {
    const { onCancel } = this.#performance;
    this.#cancelled = true;
    if (reason === "client_cancelled" && !this.outOfBand)
      this.#call.provider.cancelled.push({ askedAt: this.askedAt, at: this.#world.time.now });
    if (this.#state === "thinking") this.#begin();
    const end = () => this.end("cancelled", { type: "cancelled", reason });
    if (onCancel === "ends") return end();
    this.#struck("cancel");
    if (onCancel === "goes on" || this.#mumbling) return;
    this.#mumbling = true;
    this.#after(onCancel, end);
  }
}

/** Zeros, or the least significant bit at work. */
function nearSilence(from: number, to: number, faint: boolean): Int16Array {
  const zeros = new Int16Array(to - from);
  return faint ? zeros.map((_, n) => ((from + n) % 3) - 1) : zeros;
}
