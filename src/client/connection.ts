/**
 * One session over as many sockets as it takes: numbers both ways, acknowledgements, heartbeat and resumption
 * (docs/wire.md, "Delivery and resume"). A relay that hands out no resume token gets the numbers only.
 */
import { FRAME_AUDIO, readFrameHeader, writeFrame, type FrameHeader } from "../protocol/frame.ts";
import { Backoff } from "./backoff.ts";
import { openSocket, resumeTarget, type Target } from "./door.ts";
import { RelayError } from "./error.ts";
import type { ClientEvent, ConnectionHooks } from "./connection-hooks.ts";
import type { CloseInfo } from "./events.ts";
import { arrayAt, numberAt, objectAt, parseJsonObject, stringAt, type JsonObject } from "./json.ts";
import { Outbox, type Data, type Overflow } from "./outbox.ts";
import { DEAD_MS, Pulse } from "./pulse.ts";

/** Ten seconds of 24 kHz audio that the network did not take: what follows waits here, where it is bounded. */
const MAX_UPLINK_BYTES = 480_000;
/** The relay means it: ended, malformed input, policy, size, taken over by another connection (4001), refused (4003), not there any more (4004). */
const FINAL_CODES: ReadonlySet<number> = new Set([1000, 1002, 1003, 1007, 1008, 1009, 4001, 4003, 4004]);
/** Answers to who comes back: the session is not to be had any more. */
const LOST_CODES: ReadonlySet<number> = new Set([4003, 4004]);

type Phase = "opening" | "open" | "resuming" | "closed";

export class Connection {
  readonly #hooks: ConnectionHooks;
  readonly #target: Target;
  readonly #outbox = new Outbox();
  readonly #backoff = new Backoff();
  #phase: Phase = "opening";
  #opening: { resolve(): void; reject(error: RelayError): void } | null = null;
  #socket: WebSocket | null = null;
  #pulse: Pulse | null = null;
  #resumption: { readonly sessionId: string; token: string } | null = null;
  /** Highest number handed to the present socket. */
  #cursor = 0;
  #received = 0;
  #acknowledged = 0;
  #loss: CloseInfo = { code: 1006, reason: "" };
  #retry: ReturnType<typeof setTimeout> | undefined;
  #dialling: AbortController | null = null;

  constructor(target: Target, hooks: ConnectionHooks) {
    this.#target = target;
    this.#hooks = hooks;
  }

  /** Opens the socket and says `greeting`; resolves when the relay has described the session. @throws RelayError */
  async open(greeting: ClientEvent, signal?: AbortSignal): Promise<void> {
    const socket = await openSocket(this.#target, signal);
    if (this.#phase === "closed") {
      socket.close(1000);
      throw new RelayError("aborted", "The call was ended while it was being connected");
    }
    await new Promise<void>((resolve, reject) => {
      this.#opening = { resolve, reject };
      this.#attach(socket);
      this.send(greeting);
    });
  }

  /** What could not be kept until it was acknowledged. */
  get overflow(): Overflow {
    return this.#outbox.overflow;
  }

  /** Sends, or keeps until there is a connection again. False: there is none and will be none. */
  send(event: ClientEvent): boolean {
    if (!this.#takes()) return false;
    const numbered = { ...event, client_event_seq: this.#outbox.last + 1 };
    this.#outbox.keep(JSON.stringify(numbered), 0);
    this.#pump();
    this.#hooks.sent(numbered);
    return true;
  }

  /** As `send`, for PCM bytes of `audioMs`; the header they got, or null. */
  sendAudio(bytes: Uint8Array, audioMs: number): FrameHeader | null {
    if (!this.#takes()) return null;
    const header = { kind: FRAME_AUDIO, stream: 0, response: 0, sequence: this.#outbox.last + 1 };
    this.#outbox.keep(writeFrame(header, bytes) as Uint8Array<ArrayBuffer>, audioMs);
    this.#pump();
    return header;
  }

  close(): void {
    const socket = this.#detach();
    this.#phase = "closed";
    clearTimeout(this.#retry);
    this.#dialling?.abort();
    this.#opening?.reject(new RelayError("aborted", "The call was ended while it was being connected"));
    socket?.close(1000);
  }

  #takes(): boolean {
    if (this.#phase === "closed") return false;
    return this.#resumption !== null || this.#socket?.readyState === WebSocket.OPEN;
  }

  #attach(socket: WebSocket): void {
    this.#socket = socket;
    this.#pulse = new Pulse({
      tick: () => this.#tick(),
      mutual: () => this.#resumption !== null,
      beat: () => this.#control({ type: "session.heartbeat" }),
      dead: () => this.#hangUp("Nothing was received for 5 s"),
    });
    socket.addEventListener("message", (event: MessageEvent<string | ArrayBuffer>) => {
      if (socket !== this.#socket) return;
      this.#pulse?.received();
      if (typeof event.data === "string") this.#text(event.data);
      else this.#binary(event.data);
    });
    socket.addEventListener("close", ({ code, reason }) => {
      if (socket === this.#socket) this.#lost({ code, reason });
    });
  }

  #detach(): WebSocket | null {
    const socket = this.#socket;
    this.#socket = null;
    this.#pulse?.stop();
    this.#pulse = null;
    return socket;
  }

  /** The socket is given up without waiting for its close, which a dead network never brings. */
  #hangUp(reason: string): void {
    this.#socket?.close(4008);
    if (this.#socket !== null) this.#lost({ code: 1006, reason });
  }

  #tick(): void {
    if (this.#phase === "resuming" && this.#backoff.exhausted) {
      this.#giveUp();
      return;
    }
    if (this.#resumption !== null && this.#phase === "open" && this.#received > this.#acknowledged) {
      this.#acknowledged = this.#received;
      this.#control({ type: "session.ack", last_received: this.#received });
    }
    this.#pump();
    this.#tellOverflow();
  }

  #tellOverflow(): void {
    if (this.#outbox.overflowed()) this.#hooks.overflow(this.#outbox.overflow);
  }

  /** Hands over what the socket has not got yet, as far as the network takes it. */
  #pump(): void {
    const socket = this.#socket;
    if (socket === null || this.#phase === "resuming") return;
    while (this.#cursor < this.#outbox.last && socket.readyState === WebSocket.OPEN) {
      if (socket.bufferedAmount > MAX_UPLINK_BYTES) break;
      const data = this.#outbox.at(++this.#cursor);
      if (data !== undefined) this.#transmit(data);
    }
    // Nobody will ever ask for it again.
    if (this.#resumption === null && this.#phase === "open") this.#outbox.forget(this.#cursor);
  }

  #transmit(data: Data): void {
    this.#socket?.send(data);
    this.#pulse?.sent();
  }

  /** Delivery's own events are not numbered: they are of one connection. */
  #control(event: ClientEvent): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#transmit(JSON.stringify(event));
    this.#hooks.sent(event);
  }

  #text(data: string): void {
    const event = parseJsonObject(data);
    if (event === null) {
      this.#hooks.error(new RelayError("protocol", "The relay sent text that is not a JSON object"));
      return;
    }
    if (this.#repeated(numberAt(event, "server_event_seq") ?? 0)) return;
    this.#hooks.text(event);
    if (this.#phase === "closed") return;
    const type = stringAt(event, "type");
    if (type === "session.created") this.#created(objectAt(event, "session"));
    else if (type === "session.ack") this.#outbox.forget(numberAt(event, "last_received") ?? 0);
    else if (type === "session.resumed" && this.#phase === "resuming") this.#resumed(event);
  }

  #binary(data: ArrayBuffer): void {
    const header = readFrameHeader(new Uint8Array(data));
    if (header === null) {
      this.#hooks.error(new RelayError("protocol", "The relay sent a binary message without a header"));
      return;
    }
    if (!this.#repeated(header.sequence)) this.#hooks.frame(header, data);
  }

  #repeated(number: number): boolean {
    if (number === 0) return false;
    if (number <= this.#received) return true;
    this.#received = number;
    return false;
  }

  #created(session: JsonObject | null): void {
    if (this.#phase === "resuming") {
      this.#sessionLost("it began a new one");
      return;
    }
    if (session === null || this.#phase !== "opening") return;
    const relay = objectAt(session, "relay");
    const sessionId = stringAt(relay, "session_id");
    const token = stringAt(relay, "resume_token");
    if (sessionId !== null && token !== null) this.#resumption = { sessionId, token };
    this.#phase = "open";
    this.#backoff.opened();
    this.#pump();
    this.#hooks.opened();
    this.#opening?.resolve();
  }

  #lost(close: CloseInfo): void {
    this.#detach();
    if (this.#phase === "opening") {
      this.#phase = "closed";
      const reason = close.reason || "The relay closed the connection";
      this.#opening?.reject(new RelayError("closed", reason, close.code));
      return;
    }
    if (this.#phase === "resuming" && LOST_CODES.has(close.code)) {
      this.#sessionLost(close.reason || `it closed the connection with ${close.code}`);
      return;
    }
    if (this.#resumption === null || FINAL_CODES.has(close.code)) {
      this.#end(close, null);
      return;
    }
    if (this.#phase === "open") {
      this.#phase = "resuming";
      this.#loss = close;
      this.#backoff.lost();
      this.#hooks.lost(close);
    }
    this.#retryLater();
  }

  #retryLater(): void {
    if (this.#phase !== "resuming") return;
    const delayMs = this.#backoff.next();
    if (delayMs === null) {
      this.#giveUp();
      return;
    }
    this.#retry = setTimeout(() => void this.#dial(), delayMs);
    this.#hooks.reconnecting({ attempt: this.#backoff.attempt, delayMs, close: this.#loss });
  }

  async #dial(): Promise<void> {
    const resumption = this.#resumption;
    if (resumption === null) return;
    const dialling = new AbortController();
    this.#dialling = dialling;
    const deadline = setTimeout(() => dialling.abort(), DEAD_MS);
    const { sessionId, token } = resumption;
    const target = resumeTarget(this.#target, sessionId, token);
    const socket = await openSocket(target, dialling.signal).catch(() => null);
    clearTimeout(deadline);
    if (socket === null) {
      this.#retryLater();
    } else if (this.#phase === "resuming") {
      this.#attach(socket);
      this.#acknowledged = this.#received;
      this.#control({ type: "session.resume", resume_token: token, last_received: this.#received });
    } else {
      socket.close(1000);
    }
  }

  #resumed(event: JsonObject): void {
    const verdict = stringAt(event, "verdict");
    if (verdict !== "resumed" && verdict !== "partial") {
      this.#sessionLost(stringAt(event, "reason") ?? "it gave no reason");
      return;
    }
    const token = stringAt(event, "resume_token");
    if (this.#resumption !== null && token !== null) this.#resumption.token = token;
    // Received is not acknowledged: what only the relay's memory holds is kept on, but not sent now.
    this.#cursor = Math.min(this.#outbox.last, Math.max(0, numberAt(event, "last_received") ?? 0));
    this.#phase = "open";
    this.#backoff.opened();
    this.#pump();
    const [from, to] = arrayAt(event, "forgotten");
    const forgotten = typeof from === "number" && typeof to === "number" ? ([from, to] as const) : null;
    this.#hooks.resumed({ verdict, missing: objectAt(event, "missing"), forgotten });
  }

  #sessionLost(reason: string): void {
    this.#hooks.resumed({ verdict: "lost", missing: null, forgotten: null });
    const message = `The relay could not go on with the session: ${reason}`;
    this.#end({ code: this.#loss.code, reason: message }, new RelayError("session_lost", message));
  }

  #giveUp(): void {
    const message = "The connection was lost and did not come back within 30 s";
    this.#end({ code: this.#loss.code, reason: message }, new RelayError("resume_failed", message));
  }

  #end(close: CloseInfo, error: RelayError | null): void {
    if (this.#phase === "closed") return;
    this.#tellOverflow();
    this.close();
    this.#hooks.ended(close, error);
  }
}
