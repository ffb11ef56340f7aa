/** What was said so far, put together, and what the agent is doing: derived from the call's other events. */
import type { AgentState, CallEventMap, CallEvents, CallMessage } from "./events.ts";
import { objectAt } from "./json.ts";

export interface ConversationHooks {
  messages(messages: readonly CallMessage[]): void;
  agent(state: AgentState): void;
}

/** What becomes of a message whose response ends before its text is told to the end. */
const ENDS = { completed: "done", cancelled: "cut", incomplete: "cut", failed: "failed" } as const;

const DONE = { status: "done" } as const;

/** Older ones are forgotten. */
const MAX_MESSAGES = 500;
/** Of one message; what comes after is put to the last. */
const MAX_PARTS = 64;

export class Conversation {
  readonly #hooks: ConversationHooks;
  readonly #messages = new Map<string, CallMessage>();
  /** Of each message whose text came by transcripts: what its parts say, in their order. */
  readonly #parts = new Map<string, string[]>();
  /** How much was heard of each item that sounds. */
  readonly #sounding = new Map<string, number>();
  readonly #answering = new Set<string>();
  /** Items of each response that is not over. */
  readonly #items = new Map<string, Set<string>>();
  #held = false;
  /** Somebody writes down what the user says. */
  #transcribes = false;
  #agent: AgentState = "listening";

  constructor(call: CallEvents, hooks: ConversationHooks) {
    this.#hooks = hooks;
    call.on("speech", ({ state, itemId }) => {
      if (state === "started") this.#change(itemId, { role: "user" });
    });
    call.on("item", (item) => this.#item(item));
    call.on("deleted", ({ itemId }) => {
      if (this.#forget(itemId)) this.#hooks.messages(this.messages);
    });
    call.on("transcript", (said) => this.#said(said));
    call.on("playback", (playback) => this.#played(playback));
    call.on("response", (response) => this.#answered(response));
    call.on("overlap", ({ decision }) => {
      this.#held = decision === "hold";
      this.#derive();
    });
    call.on("session", ({ session }) => {
      const input = objectAt(objectAt(session, "audio"), "input");
      this.#transcribes = objectAt(input, "transcription") !== null;
    });
    call.on("state", ({ state, close }) => {
      if (state === "closed") this.#closed(close?.code === 1000);
    });
    call.on("resumed", ({ verdict, forgotten }) => {
      if (verdict === "lost" || forgotten !== null) this.over("failed");
    });
  }

  get messages(): readonly CallMessage[] {
    return [...this.#messages.values()];
  }

  get agent(): AgentState {
    return this.#agent;
  }

  #item({ id, type, role, text, name }: CallEventMap["item"]): void {
    if (type === "function_call") this.#change(id, { role: "tool", name, status: "done" });
    // Without text it was spoken: who writes it down says so in `transcript`.
    else if (role === "user" && text === null) this.#change(id, { role, ...(this.#transcribes ? {} : DONE) });
    else if (role === "user" && text !== null) this.#change(id, { role, text, ...DONE });
    // An answer of before this session, which the application tells it.
    else if (role === "assistant" && text !== null) this.#change(id, { role, text, ...DONE });
  }

  #said(said: CallEventMap["transcript"]): void {
    const { role, itemId, contentIndex, responseId, upstream, delta, text } = said;
    const before = this.#messages.get(itemId);
    if (role === "assistant" && text === "" && before === undefined) return;
    if (responseId !== null) {
      const items = this.#items.get(responseId) ?? new Set();
      this.#items.set(responseId, items.add(itemId));
    }
    const cut = before?.status === "cut";
    const status = text !== null && !cut ? "done" : (before?.status ?? "in_progress");
    const parts = this.#parts.get(itemId) ?? [];
    this.#parts.set(itemId, parts);
    const at = Math.min(contentIndex, MAX_PARTS);
    parts[at] = text ?? (parts[at] ?? "") + (delta ?? "");
    // Parts that say nothing, and those that were never told, are none.
    this.#change(itemId, { role, upstream, text: parts.filter(Boolean).join("\n"), status });
  }

  #forget(id: string): boolean {
    this.#parts.delete(id);
    return this.#messages.delete(id);
  }

  #played({ itemId, playedMs, finished, cut }: CallEventMap["playback"]): void {
    if (finished) this.#sounding.delete(itemId);
    else this.#sounding.set(itemId, playedMs);
    if (finished && this.#messages.has(itemId)) {
      this.#change(itemId, { heardMs: playedMs, ...(cut ? { status: "cut" } : {}) });
    }
    // Nothing is left that could stand still.
    if (this.#sounding.size === 0) this.#held = false;
    this.#derive();
  }

  #answered({ response, status }: CallEventMap["response"]): void {
    if (status === "in_progress") {
      this.#answering.add(response.id);
    } else {
      this.#answering.delete(response.id);
      for (const id of this.#items.get(response.id) ?? []) {
        const open = this.#messages.get(id)?.status === "in_progress";
        if (open) this.#change(id, { status: ENDS[status] });
      }
      this.#items.delete(response.id);
    }
    this.#derive();
  }

  /** Nothing sounds any more, and nothing more comes. */
  #closed(meant: boolean): void {
    for (const [id, heardMs] of this.#sounding)
      if (this.#messages.has(id)) this.#change(id, { heardMs, status: "cut" });
    this.over(meant ? "cut" : "failed");
  }

  /** Nothing more comes of what was under way; what has arrived may still be heard. */
  over(status: "cut" | "failed"): void {
    for (const [id, message] of this.#messages)
      if (message.status === "in_progress") this.#change(id, { status });
    this.#sounding.clear();
    this.#answering.clear();
    this.#items.clear();
    this.#held = false;
    this.#derive();
  }

  #change(id: string, change: Partial<CallMessage>): void {
    const before = this.#messages.get(id) ?? {
      id,
      role: "assistant",
      text: "",
      status: "in_progress",
      heardMs: null,
      upstream: null,
      name: null,
    };
    this.#messages.set(id, { ...before, ...change });
    const [oldest] = this.#messages.keys();
    if (this.#messages.size > MAX_MESSAGES && oldest !== undefined) this.#forget(oldest);
    this.#hooks.messages(this.messages);
  }

  #derive(): void {
    let state: AgentState = "listening";
    if (this.#held) state = "held";
    else if (this.#sounding.size > 0) state = "speaking";
    else if (this.#answering.size > 0) state = "thinking";
    if (state === this.#agent) return;
    this.#agent = state;
    this.#hooks.agent(state);
  }
}
