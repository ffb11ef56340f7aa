/**
 * One connection to one provider, from dial to end: its codec, its state, the bounded backlog of what waits until it is
 * configured, and what it knows of the conversation. A connection is dialled once; what follows it is another one.
 * In-process upstreams (`loop:`) are the same but for the socket: what they encode is handed to their own decode.
 */
import type {
  AudioChunk,
  Capabilities,
  Command,
  JsonObject,
  Upstream,
  UpstreamConfig,
  UpstreamEvent,
  UpstreamFault,
  WireMessage,
} from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import type { PeerId } from "../io.ts";
import { LINK, next, type LinkEvent, type LinkPhase } from "../transitions.ts";
import { renamedReferences } from "./references.ts";

export interface ConnectionHost {
  /** The configuration to greet an upstream with. */
  upstreamConfig(): UpstreamConfig;
  /** How long it may say nothing at all while an answer is owed. */
  answerMs(): number;
  onReady(connection: Connection): void;
  onEvent(connection: Connection, event: UpstreamEvent): void;
  /** It is of no more use. Called once, and not after `hangUp`. */
  onLost(connection: Connection, fault: UpstreamFault): void;
}

/** What makes a connection: which link's it is, and which of the link's connections. */
export interface ConnectionIdentity {
  readonly link: number;
  readonly number: number;
  /** Index among the link's candidates. */
  readonly candidate: number;
  readonly upstream: string;
}

type ConnectionDeadline = "dial" | "ready" | "keepalive" | "answer";
const DEADLINES: readonly ConnectionDeadline[] = ["dial", "ready", "keepalive", "answer"];

const NAMES_KEPT = 256;

export class Connection {
  readonly identity: ConnectionIdentity;
  readonly peer: PeerId;
  /** Upstream response keys, with the session's response ids. */
  readonly responses = new Map<string, string>();
  /** Items it was told in `fill` (replay.ts), with where each was cut off then; null: not cut. */
  readonly told = new Map<string, number | null>();
  /** When its socket opened; null before. */
  openedAt: number | null = null;
  /** It does not read as fast as it is sent to. */
  congested = false;
  readonly #context: Context;
  readonly #host: ConnectionHost;
  readonly #upstream: Upstream;
  #phase: LinkPhase = "idle";
  #loop = false;
  #backlog: Command[] = [];
  #backlogBytes = 0;
  /** Items that the upstream knows under another name. */
  readonly #names = new Map<string, string>();
  /** Items that this very connection made: only those can be truncated there. */
  readonly #own = new Set<string>();
  /** An answer is owed and nothing at all was heard since. */
  #owed = false;
  /** The configuration changed since the greeting. */
  #reconfigure = false;
  /** It was told of another configuration by what its present message led to: what this judges is older. */
  #restated = false;

  constructor(identity: ConnectionIdentity, upstream: Upstream, context: Context, host: ConnectionHost) {
    this.identity = identity;
    this.peer = `up${identity.link}.${identity.number}`;
    this.#upstream = upstream;
    this.#context = context;
    this.#host = host;
  }

  get phase(): LinkPhase {
    return this.#phase;
  }

  get capabilities(): Capabilities {
    return this.#upstream.capabilities;
  }

  /** In this process: nothing to lose, nothing to pay. */
  get loop(): boolean {
    return this.#loop;
  }

  /** It can still be of use. */
  get alive(): boolean {
    return this.#phase !== "closed" && this.#phase !== "idle";
  }

  #step(event: LinkEvent): boolean {
    const state = next(LINK, this.#phase, event);
    if (state !== null) this.#phase = state;
    return state !== null;
  }

  /** From now on commands are kept for it. */
  begin(): void {
    this.#step("dial");
  }

  /** Opens the socket; a loop is open at once. */
  dial(): void {
    const request = this.#upstream.request(this.#host.upstreamConfig().kind);
    this.#loop = request.url.startsWith("loop:");
    if (this.#loop) {
      this.opened();
      return;
    }
    this.#deadline("dial", this.#context.limits.dialMs);
    this.#context.act({ type: "dial", peer: this.peer, request });
  }

  opened(): void {
    if (!this.#step("open")) return;
    this.openedAt = this.#context.now;
    this.#clear("dial");
    this.#deadline("ready", this.#context.limits.readyMs);
    this.#reconfigure = false;
    this.#write(this.#upstream.greet(this.#host.upstreamConfig()));
  }

  message(data: WireMessage): void {
    if (this.#phase !== "greeting" && this.#phase !== "ready") return;
    this.#heard();
    if (data.length > this.#context.limits.upstreamMessageSize) {
      this.giveUp("upstream_protocol_error", "The upstream sent a message beyond the size limit.", 1009);
      return;
    }
    this.#restated = false;
    for (const event of this.#upstream.decode(data)) this.#event(event);
  }

  #event(event: UpstreamEvent): void {
    if (event.type === "ready") this.#ready();
    else if (event.type === "reply") this.#send(event.data);
    else if (event.type === "error" && event.fatal) this.giveUp(event.error.code, event.error.message);
    else if (event.type !== "configured" || !this.#restated) this.#host.onEvent(this, event);
  }

  #ready(): void {
    const first = this.#phase === "greeting";
    if (!this.#step("configured")) return;
    this.#clear("ready");
    if (!first) return;
    this.#keepAlive();
    this.#host.onReady(this);
    const restated =
      this.#reconfigure && this.#tell({ type: "configure", config: this.#host.upstreamConfig() });
    this.#reconfigure = false;
    // It took the greeting; what it was told just now it judges later.
    if (!restated && this.capabilities.confirms) this.#host.onEvent(this, { type: "configured" });
    const backlog = this.#backlog;
    this.#backlog = [];
    this.#backlogBytes = 0;
    for (const command of backlog) this.#write(this.#upstream.encode(command));
  }

  /** From now on something must be heard of it: a black hole takes everything and answers nothing. */
  watch(leastMs = 0): void {
    if (this.#owed || this.#loop || !this.alive) return;
    this.#owed = true;
    this.#deadline("answer", Math.max(leastMs, this.#host.answerMs()));
  }

  #heard(): void {
    if (!this.#owed) return;
    this.#owed = false;
    this.#clear("answer");
  }

  /** The upstream knows the item under another name (see `eager.ts`). */
  rename(itemId: string, upstreamId: string): void {
    this.#names.set(itemId, upstreamId);
    if (this.#names.size <= NAMES_KEPT) return;
    const [oldest] = this.#names.keys();
    if (oldest !== undefined) this.#names.delete(oldest);
  }

  #renamed(command: Command): Command {
    if (this.#names.size === 0) return command;
    if (command.type === "delete" || command.type === "truncate") {
      return { ...command, itemId: this.#names.get(command.itemId) ?? command.itemId };
    }
    if (command.type === "respond")
      return { ...command, options: renamedReferences(command.options, this.#names) };
    if (command.type !== "item" || command.previousItemId === null) return command;
    return { ...command, previousItemId: this.#names.get(command.previousItemId) ?? command.previousItemId };
  }

  #caused(command: Command): Command {
    const { cause } = this.#context;
    return cause === null || command.type === "audio" ? command : { ...command, cause };
  }

  #made(itemId: string): void {
    this.#own.add(itemId);
    if (this.#own.size <= NAMES_KEPT) return;
    const [oldest] = this.#own;
    if (oldest !== undefined) this.#own.delete(oldest);
  }

  /** Sends a command, or keeps it until the upstream is ready. A lost upstream gets nothing. @returns whether it was sent. */
  command(given: Command): boolean {
    const command = this.#renamed(this.#caused(given));
    if (command.type === "named" && command.what === "item") this.#made(command.id);
    if (command.type === "truncate" && !this.#own.has(command.itemId)) return false;
    if (command.type === "respond") this.watch();
    if (this.#phase === "ready") return this.#tell(command);
    if (this.#phase === "dialling" || this.#phase === "greeting") this.#keep(command);
    return false;
  }

  #tell(command: Command): boolean {
    const messages = this.#upstream.encode(command);
    this.#write(messages);
    if (command.type === "configure" && messages.length > 0) this.#restated = true;
    return messages.length > 0;
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
      this.giveUp("upstream_backlog_full", "The upstream was not ready in time to take what was said.");
    }
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
    if (everyMs !== null) this.#deadline("keepalive", everyMs);
  }

  /** So many bytes wait in its socket. */
  buffered(bytes: number): void {
    const { upstreamBufferedBytes } = this.#context.limits;
    const most = this.congested ? upstreamBufferedBytes / 2 : upstreamBufferedBytes;
    if (bytes > most && !this.congested) {
      this.#context.metric("upstream_congested", 1, this.identity.upstream);
    }
    this.congested = bytes > most;
  }

  /** The socket ended or never opened (`code` 0). */
  closed(code: number, reason: string): void {
    if (!this.alive) return;
    const fault = this.#upstream.closed(code, reason);
    this.#lost(fault ?? { code: "upstream_closed", message: "The upstream closed the connection." });
  }

  /** It died with a former life of the session, which knew it until then; what is in this process lives on. */
  died(knownUntil: number): void {
    if (!this.alive || this.#loop) return;
    this.#lost(
      { code: "upstream_closed", message: "The connection died with the session's object." },
      knownUntil,
    );
  }

  /** Ends it for a fault of its own. */
  giveUp(code: string, message: string, closeCode = 1000): void {
    if (!this.alive) return;
    if (!this.#loop) this.#context.act({ type: "close", peer: this.peer, code: closeCode, reason: "" });
    this.#lost({ code, message });
  }

  #lost(fault: UpstreamFault, at = this.#context.now): void {
    this.#end(at);
    this.#host.onLost(this, fault);
  }

  /** An ordinary end, of which nobody is told. */
  hangUp(): void {
    if (!this.alive) return;
    if (!this.#loop) this.#context.act({ type: "close", peer: this.peer, code: 1000, reason: "" });
    this.#end(this.#context.now);
  }

  #end(at: number): void {
    this.#step("lost");
    for (const what of DEADLINES) this.#clear(what);
    this.#backlog = [];
    this.#backlogBytes = 0;
    this.#owed = false;
    if (this.#loop || this.openedAt === null) return;
    this.#context.metric("upstream_open_ms", at - this.openedAt, this.identity.upstream);
  }

  /** A deadline of this connection came. */
  timeout(what: string): void {
    if (what === "keepalive") this.command({ type: "keepalive" });
    else if (what === "answer") this.giveUp("upstream_timeout", "The upstream fell silent.");
    else if (what === "dial")
      this.giveUp("upstream_timeout", "The upstream did not answer the call in time.");
    else this.giveUp("upstream_timeout", "The upstream did not accept its configuration in time.");
  }

  #deadline(what: ConnectionDeadline, inMs: number): void {
    this.#context.deadlines.set(this.#name(what), this.#context.now + inMs);
  }

  #clear(what: ConnectionDeadline): void {
    this.#context.deadlines.clear(this.#name(what));
  }

  #name(what: ConnectionDeadline): string {
    return `link:${this.identity.link}.${this.identity.number}:${what}`;
  }

  snapshot(): ConnectionSnapshot {
    return {
      identity: this.identity,
      phase: this.#phase,
      loop: this.#loop,
      openedAt: this.openedAt,
      congested: this.congested,
      reconfigure: this.#reconfigure,
      responses: [...this.responses],
      told: [...this.told],
      names: [...this.#names],
      own: [...this.#own],
      owed: this.#owed,
      upstream: this.#upstream.snapshot(),
      backlog: this.#backlog.map((command) =>
        command.type === "audio" ? { type: "audio", bytes: command.chunk.bytes.slice() } : command,
      ),
    };
  }

  restore(snapshot: ConnectionSnapshot): void {
    this.#phase = snapshot.phase;
    this.#loop = snapshot.loop;
    this.openedAt = snapshot.openedAt;
    this.congested = snapshot.congested;
    this.#reconfigure = snapshot.reconfigure;
    for (const [key, id] of snapshot.responses) this.responses.set(key, id);
    for (const [id, cut] of snapshot.told) this.told.set(id, cut);
    for (const [id, name] of snapshot.names) this.#names.set(id, name);
    for (const id of snapshot.own) this.#own.add(id);
    this.#owed = snapshot.owed;
    this.#upstream.restore(snapshot.upstream);
    this.#backlog = snapshot.backlog.map((kept) =>
      kept.type === "audio" ? { type: "audio", chunk: chunkOf(kept.bytes) } : kept,
    );
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

export interface ConnectionSnapshot {
  readonly identity: ConnectionIdentity;
  readonly phase: LinkPhase;
  readonly loop: boolean;
  readonly openedAt: number | null;
  readonly congested: boolean;
  readonly reconfigure: boolean;
  readonly responses: readonly (readonly [string, string])[];
  readonly told: readonly (readonly [string, number | null])[];
  readonly names: readonly (readonly [string, string])[];
  readonly own: readonly string[];
  readonly owed: boolean;
  readonly upstream: JsonObject;
  readonly backlog: readonly KeptCommand[];
}
