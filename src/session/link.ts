/**
 * One upstream of the plan and the connection to it: dials, greets, keeps commands in a bounded backlog until the
 * upstream is ready, dials again with backoff when it was lost. In-process upstreams (`loop:`) are the same but for
 * the socket: what they encode is handed to their own decode.
 */
import type { AudioFormat } from "../audio/format.ts";
import type {
  AudioChunk,
  Capabilities,
  Command,
  JsonObject,
  Upstream,
  UpstreamConfig,
  UpstreamEvent,
  UpstreamFactory,
  UpstreamFault,
  UpstreamOptions,
  WireMessage,
} from "../upstreams/upstream.ts";
import type { AudioTap } from "./audio-input.ts";
import type { Context } from "./context.ts";
import type { PeerId } from "./io.ts";
import type { PlannedUpstream } from "./plan.ts";
import { LINK, next, type LinkEvent, type LinkPhase } from "./transitions.ts";

export interface LinkHost {
  /** The configuration to greet an upstream with. */
  upstreamConfig(): UpstreamConfig;
  onUpstream(link: Link, event: UpstreamEvent): void;
  /** A new connection after a lost one: what is commanded now reaches it first. */
  onRedial(link: Link): void;
  onPhase(link: Link, fault: UpstreamFault | null): void;
  /** The connection ended. `fault` null: an ordinary end. `final`: it will not be dialled again by itself. */
  onLost(link: Link, fault: UpstreamFault, final: boolean): void;
}

const NAMES_KEPT = 256;

export class Link implements AudioTap {
  readonly index: number;
  readonly name: string;
  /** Input formats of everything that may be dialled: their history is kept from the beginning. */
  readonly formats: readonly AudioFormat[];
  cursor = 0;
  /** Upstream response keys of this connection, with the session's response ids. */
  readonly responses = new Map<string, string>();
  /** Items that the upstream knows under another name. */
  readonly #names = new Map<string, string>();
  readonly #context: Context;
  readonly #host: LinkHost;
  /** In the order in which they are tried. */
  readonly #candidates: readonly UpstreamOptions[];
  #chosen = 0;
  readonly #create: UpstreamFactory;
  #upstream: Upstream;
  #phase: LinkPhase = "idle";
  #loop = false;
  /** Connections dialled so far; the current one's number is part of its peer id. */
  #dials = 0;
  #failures = 0;
  #backlog: Command[] = [];
  #backlogBytes = 0;
  /** An answer is owed and nothing at all was heard since. */
  #owed = false;
  /** Items that this very connection made: only those can be truncated there. */
  readonly #own = new Set<string>();
  /** The configuration changed since the greeting. */
  #reconfigure = false;

  constructor(
    index: number,
    planned: PlannedUpstream,
    create: UpstreamFactory,
    context: Context,
    host: LinkHost,
  ) {
    this.index = index;
    this.name = planned.name;
    this.#candidates = [planned.options, ...(planned.fallback ?? [])];
    this.#create = create;
    this.#upstream = create(planned.options);
    this.formats = this.#candidates.map((options) => create(options).capabilities.input);
    this.#context = context;
    this.#host = host;
  }

  get peer(): PeerId {
    return `up${this.index}.${this.#dials}`;
  }

  get #candidate(): UpstreamOptions {
    return this.#candidates[this.#chosen % this.#candidates.length] ?? { adapter: "" };
  }

  /** There is somewhere else to turn. */
  get hasFallback(): boolean {
    return this.#candidates.length > 1;
  }

  /** An answer stands still. @returns whether the connection was given up for it: only with somewhere to turn. */
  stalled(): boolean {
    if (!this.hasFallback) return false;
    this.#giveUp("upstream_timeout", "The upstream stopped answering.", 1000);
    return true;
  }

  get phase(): LinkPhase {
    return this.#phase;
  }

  get capabilities(): Capabilities {
    return this.#upstream.capabilities;
  }

  get format(): AudioFormat {
    return this.#upstream.capabilities.input;
  }

  #step(event: LinkEvent): boolean {
    const state = next(LINK, this.#phase, event);
    if (state !== null) this.#phase = state;
    return state !== null;
  }

  dial(): void {
    if (!this.#step("dial")) return;
    if (this.#dials > 0) this.#upstream = this.#create(this.#candidate);
    this.#dials += 1;
    this.responses.clear();
    this.#names.clear();
    this.#own.clear();
    this.#context.deadlines.clear(this.#deadline("redial"));
    const request = this.#upstream.request(this.#host.upstreamConfig().kind);
    this.#loop = request.url.startsWith("loop:");
    this.#host.onPhase(this, null);
    if (this.#dials > 1) this.#host.onRedial(this);
    if (this.#loop) {
      this.opened();
      return;
    }
    this.#context.deadlines.set(this.#deadline("dial"), this.#context.now + this.#context.limits.dialMs);
    this.#context.act({ type: "dial", peer: this.peer, request });
  }

  /** Something is about to be asked of it: a lost upstream is dialled now, without waiting for its backoff. */
  ensure(): void {
    if (this.#phase === "closed" || this.#phase === "idle") this.dial();
  }

  opened(): void {
    if (!this.#step("open")) return;
    this.#context.deadlines.clear(this.#deadline("dial"));
    this.#context.deadlines.set(this.#deadline("ready"), this.#context.now + this.#context.limits.readyMs);
    this.#reconfigure = false;
    this.#write(this.#upstream.greet(this.#host.upstreamConfig()));
  }

  #made(itemId: string): void {
    this.#own.add(itemId);
    if (this.#own.size <= NAMES_KEPT) return;
    const [oldest] = this.#own;
    if (oldest !== undefined) this.#own.delete(oldest);
  }

  /** From now on something must be heard of it: a black hole takes everything and answers nothing. */
  #watch(): void {
    if (this.#owed || this.#loop) return;
    this.#owed = true;
    this.#context.deadlines.set(this.#deadline("answer"), this.#context.now + this.#answerMs);
  }

  /** With somewhere else to turn, silence is not waited out. */
  get #answerMs(): number {
    const { stallMs, firstOutputMs } = this.#context.limits;
    return this.hasFallback ? stallMs : firstOutputMs;
  }

  #heard(): void {
    if (!this.#owed) return;
    this.#owed = false;
    this.#context.deadlines.clear(this.#deadline("answer"));
  }

  message(data: WireMessage): void {
    if (this.#phase !== "greeting" && this.#phase !== "ready") return;
    this.#heard();
    if (data.length > this.#context.limits.upstreamMessageSize) {
      this.#giveUp("upstream_protocol_error", "The upstream sent a message beyond the size limit.", 1009);
      return;
    }
    for (const event of this.#upstream.decode(data)) this.#event(event);
  }

  #event(event: UpstreamEvent): void {
    if (event.type === "ready") this.#ready();
    else if (event.type === "reply") this.#send(event.data);
    else if (event.type === "error" && event.fatal) this.#giveUp(event.error.code, event.error.message, 1000);
    else this.#host.onUpstream(this, event);
  }

  #ready(): void {
    const first = this.#phase === "greeting";
    if (!this.#step("configured")) return;
    this.#context.deadlines.clear(this.#deadline("ready"));
    if (!first) return;
    this.#failures = 0;
    this.#keepAlive();
    this.#host.onPhase(this, null);
    if (this.#reconfigure) {
      this.#write(this.#upstream.encode({ type: "configure", config: this.#host.upstreamConfig() }));
    }
    this.#reconfigure = false;
    const backlog = this.#backlog;
    this.#backlog = [];
    this.#backlogBytes = 0;
    for (const command of backlog) this.#write(this.#upstream.encode(command));
  }

  /** The upstream knows the item under another name (see `eager.ts`). */
  rename(itemId: string, upstreamId: string): void {
    this.#names.set(itemId, upstreamId);
    if (this.#names.size > NAMES_KEPT) {
      const [oldest] = this.#names.keys();
      if (oldest !== undefined) this.#names.delete(oldest);
    }
  }

  #renamed(command: Command): Command {
    if (this.#names.size === 0) return command;
    if (command.type === "delete" || command.type === "truncate") {
      return { ...command, itemId: this.#names.get(command.itemId) ?? command.itemId };
    }
    if (command.type !== "item" || command.previousItemId === null) return command;
    return { ...command, previousItemId: this.#names.get(command.previousItemId) ?? command.previousItemId };
  }

  /** Sends a command, or keeps it until the upstream is ready. A lost upstream gets nothing. */
  command(given: Command): void {
    const command = this.#renamed(given);
    if (command.type === "named" && command.what === "item") this.#made(command.id);
    if (command.type === "truncate" && !this.#own.has(command.itemId)) return;
    if (command.type === "respond") this.#watch();
    if (this.#phase === "ready") this.#write(this.#upstream.encode(command));
    else if (this.#phase === "dialling" || this.#phase === "greeting") this.#keep(command);
  }

  #keep(command: Command): void {
    if (command.type === "configure") {
      // The greeting may have said something older: what is in force is said once it is ready.
      this.#reconfigure = true;
      return;
    }
    const kept = command.type === "audio" ? keepAudio(command.chunk) : command;
    if (kept.type === "audio") this.#backlogBytes += kept.chunk.bytes.byteLength;
    this.#backlog.push(kept);
    const { backlogBytes, backlogCommands } = this.#context.limits;
    if (this.#backlogBytes > backlogBytes || this.#backlog.length > backlogCommands) {
      this.#giveUp(
        "upstream_backlog_full",
        "The upstream was not ready in time to take what was said.",
        1000,
      );
    }
  }

  /** Audio of the caller, as a tap of the input. */
  deliver(chunk: AudioChunk): void {
    this.command({ type: "audio", chunk });
  }

  #write(messages: readonly WireMessage[]): void {
    for (const message of messages) this.#send(message);
    if (messages.length > 0 && this.#phase === "ready") this.#keepAlive();
  }

  #send(data: WireMessage): void {
    if (!this.#loop) this.#context.act({ type: "send", peer: this.peer, data });
    else for (const event of this.#upstream.decode(data)) this.#event(event);
  }

  #keepAlive(): void {
    const everyMs = this.capabilities.keepaliveMs;
    if (everyMs !== null)
      this.#context.deadlines.set(this.#deadline("keepalive"), this.#context.now + everyMs);
  }

  /** A socket ended or never opened (`code` 0). */
  closed(code: number, reason: string): void {
    if (this.#phase === "closed" || this.#phase === "idle") return;
    const fault = this.#upstream.closed(code, reason);
    this.#lost(fault ?? { code: "upstream_closed", message: "The upstream closed the connection." });
  }

  #giveUp(code: string, message: string, closeCode: number): void {
    if (!this.#loop) this.#context.act({ type: "close", peer: this.peer, code: closeCode, reason: "" });
    this.#lost({ code, message });
  }

  #lost(fault: UpstreamFault): void {
    if (!this.#step("lost")) return;
    for (const name of ["dial", "ready", "keepalive", "answer"])
      this.#context.deadlines.clear(this.#deadline(name));
    this.#backlog = [];
    this.#backlogBytes = 0;
    this.#failures += 1;
    this.#owed = false;
    const { redials, redialFirstMs, redialMostMs } = this.#context.limits;
    this.#chosen += 1;
    const final = this.#failures > redials * this.#candidates.length;
    if (!final) {
      // Somewhere else to turn: at once, until all were tried; then with patience.
      const rounds = Math.floor(this.#failures / this.#candidates.length);
      const patientMs = Math.min(redialMostMs, redialFirstMs * 2 ** (rounds - 1));
      const waitMs = rounds === 0 ? 0 : patientMs;
      this.#context.deadlines.set(this.#deadline("redial"), this.#context.now + waitMs);
    }
    this.#context.metric("upstream_lost", 1, this.name);
    this.#host.onPhase(this, fault);
    this.#host.onLost(this, fault, final);
  }

  /** Hangs up; nothing is dialled again until `dial` is called. */
  hangUp(): void {
    for (const name of ["dial", "ready", "keepalive", "answer", "redial"]) {
      this.#context.deadlines.clear(this.#deadline(name));
    }
    if (this.#phase === "closed" || this.#phase === "idle") return;
    if (!this.#loop) this.#context.act({ type: "close", peer: this.peer, code: 1000, reason: "" });
    this.#step("lost");
    this.#backlog = [];
    this.#backlogBytes = 0;
  }

  /** A deadline of this link came: `what` as given to `#deadline`. */
  timeout(what: string): void {
    if (what === "redial") this.dial();
    else if (what === "keepalive") this.command({ type: "keepalive" });
    else if (what === "answer") this.#giveUp("upstream_timeout", "The upstream fell silent.", 1000);
    else if (what === "dial")
      this.#giveUp("upstream_timeout", "The upstream did not answer the call in time.", 1000);
    else this.#giveUp("upstream_timeout", "The upstream did not accept its configuration in time.", 1000);
  }

  #deadline(what: string): string {
    return `link:${this.index}:${what}`;
  }

  snapshot(): LinkSnapshot {
    return {
      phase: this.#phase,
      dials: this.#dials,
      chosen: this.#chosen,
      failures: this.#failures,
      cursor: this.cursor,
      reconfigure: this.#reconfigure,
      responses: [...this.responses],
      names: [...this.#names],
      own: [...this.#own],
      owed: this.#owed,
      upstream: this.#upstream.snapshot(),
      backlog: this.#backlog.map((command) =>
        command.type === "audio" ? { type: "audio", bytes: command.chunk.bytes.slice() } : command,
      ),
    };
  }

  restore(snapshot: LinkSnapshot): void {
    this.#phase = snapshot.phase;
    this.#dials = snapshot.dials;
    this.#failures = snapshot.failures;
    this.cursor = snapshot.cursor;
    this.#reconfigure = snapshot.reconfigure;
    this.responses.clear();
    for (const [key, id] of snapshot.responses) this.responses.set(key, id);
    for (const [id, name] of snapshot.names) this.#names.set(id, name);
    this.#own.clear();
    for (const id of snapshot.own) this.#own.add(id);
    this.#owed = snapshot.owed;
    this.#chosen = snapshot.chosen;
    this.#upstream = this.#create(this.#candidate);
    this.#upstream.restore(snapshot.upstream);
    this.#loop = this.#upstream.request().url.startsWith("loop:");
    this.#backlog = snapshot.backlog.map((kept) =>
      kept.type === "audio" ? { type: "audio", chunk: chunkOf(kept.bytes) } : kept,
    );
    this.#backlogBytes = 0;
    for (const command of this.#backlog) {
      if (command.type === "audio") this.#backlogBytes += command.chunk.bytes.byteLength;
    }
  }
}

/** A chunk's bytes are only lent: what waits is copied. */
function keepAudio(chunk: AudioChunk): Command {
  return { type: "audio", chunk: chunkOf(chunk.bytes.slice()) };
}

function chunkOf(bytes: Uint8Array): AudioChunk {
  return { bytes, base64: () => bytes.toBase64() };
}

type KeptCommand =
  | Exclude<Command, { type: "audio" }>
  | { readonly type: "audio"; readonly bytes: Uint8Array };

export interface LinkSnapshot {
  readonly phase: LinkPhase;
  readonly dials: number;
  readonly chosen: number;
  readonly failures: number;
  readonly cursor: number;
  readonly reconfigure: boolean;
  readonly responses: readonly (readonly [string, string])[];
  readonly names: readonly (readonly [string, string])[];
  readonly own: readonly string[];
  readonly owed: boolean;
  readonly upstream: JsonObject;
  readonly backlog: readonly KeptCommand[];
}
