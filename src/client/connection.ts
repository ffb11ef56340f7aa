/**
 * One session over as many sockets as it takes: numbers both ways, acknowledgements, heartbeat and resumption
 * (docs/wire.md, "Delivery and resume"). A relay that hands out no resume token gets the numbers only.
 */
import { FRAME_AUDIO, readFrameHeader, writeFrame, type FrameHeader } from "../protocol/frame.ts";
import { Dialler } from "./dialler.ts";
import { openSocket, resumeTarget, type Target } from "./door.ts";
import { RelayError } from "./error.ts";
import type { ClientEvent, ConnectionHooks } from "./connection-hooks.ts";
import type { CloseInfo } from "./events.ts";
import { arrayAt, numberAt, objectAt, parseJsonObject, stringAt, type JsonObject } from "./json.ts";
import { aborted, Opening } from "./opening.ts";
import { Outbox, type Data, type Overflow } from "./outbox.ts";
import { PageLife } from "./page-life.ts";
import { Pulse } from "./pulse.ts";

/** Ten seconds of 24 kHz audio that the network did not take: what follows waits here, where it is bounded. */
const MAX_UPLINK_BYTES = 480_000;
/** Another connection has the session now. */
const TAKEN_OVER = 4001;
/** The relay means it: ended, malformed input, policy, size, taken over, refused (4003), not there any more (4004). */
const FINAL_CODES: ReadonlySet<number> = new Set([
  1000,
  1002,
  1003,
  1007,
  1008,
  1009,
  TAKEN_OVER,
  4003,
  4004,
]);
/** Answers to who comes back: the session is not to be had any more. */
const LOST_CODES: ReadonlySet<number> = new Set([4003, 4004]);

/** What says that the client does not come back (docs/wire.md): the session ends with it. */
const GOODBYE = "end";
/** The relay's answer to the settings, where it refuses them, names it. */
const SETTINGS_ID = "sdk_settings";
/** A `session.resume` that was given up may take effect as long as the relay takes one. */
const GHOST_MS = 30_000;

type Phase = "opening" | "open" | "resuming" | "closed";

export class Connection {
  readonly #hooks: ConnectionHooks;
  readonly #target: Target;
  readonly #outbox = new Outbox();
  readonly #dialler: Dialler;
  readonly #page: PageLife;
  readonly #ended = new AbortController();
  #phase: Phase = "opening";
  #opening: Opening | null = null;
  #socket: WebSocket | null = null;
  #pulse: Pulse | null = null;
  #resumption: { readonly sessionId: string; token: string } | null = null;
  /** Highest number handed to the present socket. */
  #cursor = 0;
  #received = 0;
  #acknowledged = 0;
  #loss: CloseInfo = { code: 1006, reason: "" };
  /** When sockets were given up on which the session was asked for and which may still get it: they put this one out. */
  #ghosts: number[] = [];

  constructor(target: Target, hooks: ConnectionHooks) {
    this.#target = target;
    this.#hooks = hooks;
    this.#dialler = new Dialler({
      dial: (signal) => this.#dial(signal),
      pause: (attempt, delayMs) => hooks.reconnecting({ attempt, delayMs, close: this.#loss }),
      opened: (socket) => this.#ask(socket),
      waiting: () => this.#socket !== null,
      exhausted: () => this.#giveUp(),
    });
    this.#page = new PageLife({
      awake: () => this.#awake(),
      offline: () => this.#pulse?.probe(),
      left: () => this.#leave(),
    });
  }

  /**
   * Opens the socket and says `settings`; resolves when the relay has described the session and taken them.
   * @throws RelayError, the relay's own where it refuses the settings.
   */
  async open(settings: ClientEvent, signal?: AbortSignal): Promise<void> {
    const opening = new Opening(signal, (error) => this.#fail(error));
    this.#opening = opening;
    if (signal?.aborted === true) this.#fail(aborted());
    openSocket(this.#target, this.#ended.signal).then(
      (socket) => this.#opened(socket, settings),
      (error: RelayError) => this.#fail(error),
    );
    await opening.done;
  }

  #opened(socket: WebSocket, settings: ClientEvent): void {
    if (this.#phase === "closed") {
      socket.close(1000, GOODBYE);
      return;
    }
    this.#attach(socket);
    this.send({ ...settings, event_id: SETTINGS_ID });
  }

  /** A clock that runs while the page's timers do not. */
  clock(): void {
    this.#pulse?.clock();
    this.#dialler.clock();
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

  /** Ends the session, where there is a connection to say so. */
  close(): void {
    this.#close(GOODBYE);
  }

  #close(reason: string): void {
    const socket = this.#detach();
    this.#phase = "closed";
    this.#ended.abort();
    this.#page.stop();
    this.#dialler.stop();
    this.#settle(aborted());
    socket?.close(1000, reason);
  }

  #settle(error: RelayError | null): void {
    const opening = this.#opening;
    this.#opening = null;
    opening?.settle(error);
  }

  #fail(error: RelayError): void {
    this.#settle(error);
    this.close();
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
      // Before it is answered a socket says nothing but `session.resume`.
      beat: () => this.#phase === "open" && this.#control({ type: "session.heartbeat" }),
      dead: (probed) => this.#dead(probed),
      slowed: () => this.#page.slowed,
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

  /** The page was shown or is online again. */
  #awake(): void {
    if (this.#phase === "resuming") this.#dialler.now();
    else this.#pulse?.probe();
  }

  #leave(): void {
    if (this.#phase === "closed") return;
    this.close();
    this.#hooks.ended({ code: 1000, reason: "The page was left" }, null);
  }

  /** Nothing comes. A socket that is to resume may only be slow: it goes on beside the next. */
  #dead(probed: boolean): void {
    if (this.#phase === "resuming") {
      this.#dialler.beside();
      return;
    }
    // Given up without waiting for its close, which a dead network never brings.
    const reason = probed ? "Nobody answered" : "Nothing was received for 5 s";
    this.#detach()?.close(4008);
    this.#lost({ code: 1006, reason }, probed);
  }

  #tick(): void {
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
  #control(event: JsonObject): void {
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
    const type = stringAt(event, "type");
    if (this.#phase === "resuming" && this.#unresumed(type, event)) return;
    if (this.#repeated(numberAt(event, "server_event_seq") ?? 0)) return;
    this.#hooks.text(event);
    if (this.#phase === "closed") return;
    if (type === "session.created") this.#created(objectAt(event, "session"));
    else if (type === "session.ack") this.#outbox.forget(numberAt(event, "last_received") ?? 0);
    else if (type === "session.resumed" && this.#phase === "resuming") this.#resumed(event);
    else if (this.#opening !== null) this.#answered(type, objectAt(event, "error"));
  }

  /**
   * Before `session.resumed` the relay sends nothing of the former session. What begins another, and what it has to say
   * against this one, is numbered anew and no repetition. @returns true: it was dealt with.
   */
  #unresumed(type: string | null, event: JsonObject): boolean {
    if (type === "session.created") this.#sessionLost("it began a new one");
    else if (type === "error") this.#hooks.text(event);
    else return false;
    return true;
  }

  /** The first message was `session.update`: what follows on it is the answer. */
  #answered(type: string | null, error: JsonObject | null): void {
    if (type === "session.updated" && this.#phase === "open") {
      const opening = this.#opening;
      this.#opening = null;
      this.#hooks.opened();
      opening?.settle(null);
    } else if (type === "error" && stringAt(error, "event_id") === SETTINGS_ID) {
      const message = stringAt(error, "message") ?? "The relay refused the session's settings";
      this.#fail(new RelayError(stringAt(error, "code") ?? "refused", message));
    }
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
    this.#dialler.answered();
    this.#pump();
  }

  #lost(close: CloseInfo, atOnce = false): void {
    this.#detach();
    if (this.#opening !== null) {
      const reason = close.reason || "The relay closed the connection";
      this.#fail(new RelayError("closed", reason, close.code));
      return;
    }
    if (this.#phase === "resuming" && LOST_CODES.has(close.code)) {
      this.#sessionLost(close.reason || `it closed the connection with ${close.code}`);
      return;
    }
    const meant = FINAL_CODES.has(close.code) && !(close.code === TAKEN_OVER && this.#byGhost());
    if (this.#resumption === null || meant) {
      this.#end(close, null);
      return;
    }
    if (this.#phase === "open") {
      this.#phase = "resuming";
      this.#loss = close;
      this.#hooks.lost(close);
      if (this.#phase === "resuming") this.#dialler.lost(atOnce);
    } else {
      this.#ghosts.push(performance.now());
      this.#dialler.again();
    }
  }

  /** Whether a connection that this client gave up may have taken the session; each does so once. */
  #byGhost(): boolean {
    const since = performance.now() - GHOST_MS;
    this.#ghosts = this.#ghosts.filter((at) => at >= since);
    return this.#ghosts.shift() !== undefined;
  }

  #dial(signal: AbortSignal): Promise<WebSocket> {
    if (this.#resumption === null) return Promise.reject(aborted());
    const { sessionId, token } = this.#resumption;
    return openSocket(resumeTarget(this.#target, sessionId, token), signal);
  }

  /** Asks for the session on a socket that has opened. The one before, if any, did not answer. */
  #ask(socket: WebSocket): void {
    if (this.#phase !== "resuming" || this.#resumption === null) {
      socket.close(1000);
      return;
    }
    const before = this.#detach();
    if (before !== null) {
      this.#ghosts.push(performance.now());
      before.close(4008);
    }
    this.#attach(socket);
    this.#acknowledged = this.#received;
    const { token } = this.#resumption;
    this.#control({ type: "session.resume", resume_token: token, last_received: this.#received });
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
    this.#dialler.answered();
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
    // Not a goodbye: the application may go on with it from elsewhere.
    this.#close("");
    this.#hooks.ended(close, error);
  }
}
