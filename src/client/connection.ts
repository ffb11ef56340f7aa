/**
 * One session over as many sockets as it takes: numbers both ways, acknowledgements, heartbeat and resumption
 * (docs/wire.md, "Delivery and resume"). A relay that hands out no resume token gets the numbers only.
 */
import type { FrameHeader } from "../protocol/frame.ts";
import { FINAL_CODES, Ghosts, GOODBYE, LOST_CODES, SILENT, TAKEN_OVER } from "./closes.ts";
import { Delivery } from "./delivery.ts";
import { Dialler } from "./dialler.ts";
import { openSocket, type Target } from "./door.ts";
import { RelayError } from "./error.ts";
import type { ClientEvent, ConnectionHooks } from "./connection-hooks.ts";
import type { CloseInfo } from "./events.ts";
import { numberAt, objectAt, stringAt, type JsonObject } from "./json.ts";
import { Line } from "./line.ts";
import { aborted, answerOf, Opening, SETTINGS_ID } from "./opening.ts";
import type { Overflow } from "./outbox.ts";
import { PageLife } from "./page-life.ts";
import { openAgain, resumptionOf, verdictOf, type Resumption } from "./resumption.ts";

type Phase = "opening" | "open" | "resuming" | "closed";

export class Connection {
  readonly #hooks: ConnectionHooks;
  readonly #target: Target;
  readonly #delivery = new Delivery();
  readonly #ghosts = new Ghosts();
  readonly #dialler: Dialler;
  readonly #page: PageLife;
  readonly #ended = new AbortController();
  #phase: Phase = "opening";
  #opening: Opening | null = null;
  #line: Line | null = null;
  #resumption: Resumption | null = null;
  #loss: CloseInfo = { code: 1006, reason: "" };

  constructor(target: Target, hooks: ConnectionHooks) {
    this.#target = target;
    this.#hooks = hooks;
    this.#dialler = new Dialler({
      dial: (signal) => openAgain(target, this.#resumption, signal),
      pause: (attempt, delayMs) => hooks.reconnecting({ attempt, delayMs, close: this.#loss }),
      opened: (socket) => this.#ask(socket),
      waiting: () => this.#line !== null,
      exhausted: () =>
        this.#endLost("resume_failed", "The connection was lost and did not come back within 30 s"),
    });
    this.#page = new PageLife({
      // Shown, or online again.
      awake: () => (this.#phase === "resuming" ? this.#dialler.now() : this.#line?.probe()),
      offline: () => this.#line?.probe(),
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
    if (this.#phase === "closed") return socket.close(1000, GOODBYE);
    this.#attach(socket);
    this.send({ ...settings, event_id: SETTINGS_ID });
  }

  /** A clock that runs while the page's timers do not. */
  clock(): void {
    this.#line?.clock();
    this.#dialler.clock();
  }

  /** What could not be kept until it was acknowledged. */
  get overflow(): Overflow {
    return this.#delivery.outbox.overflow;
  }

  /** Sends, or keeps until there is a connection again. False: there is none and will be none. */
  send(event: ClientEvent): boolean {
    if (!this.#takes()) return false;
    const numbered = this.#delivery.keep(event);
    this.#pump();
    this.#hooks.sent(numbered);
    return true;
  }

  /** As `send`, for PCM bytes of `audioMs`; the header they got, or null. */
  sendAudio(bytes: Uint8Array, audioMs: number): FrameHeader | null {
    if (!this.#takes()) return null;
    const header = this.#delivery.keepAudio(bytes, audioMs);
    this.#pump();
    return header;
  }

  /** Ends the session, where there is a connection to say so. */
  close(): void {
    this.#close(GOODBYE);
  }

  #close(reason: string): void {
    const line = this.#detach();
    this.#phase = "closed";
    this.#ended.abort();
    this.#page.stop();
    this.#dialler.stop();
    this.#settle(aborted());
    line?.close(1000, reason);
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
    return this.#phase !== "closed" && (this.#resumption !== null || this.#line?.open === true);
  }

  #attach(socket: WebSocket): void {
    this.#line = new Line(socket, {
      tick: () => this.#tick(),
      mutual: () => this.#resumption !== null,
      // Before it is answered a socket says nothing but `session.resume`.
      beat: () => this.#phase === "open" && this.#control({ type: "session.heartbeat" }),
      dead: (probed) => this.#dead(probed),
      slowed: () => this.#page.slowed,
      text: (event) => this.#text(event),
      frame: (header, data) => {
        if (!this.#delivery.repeats(header.sequence)) this.#hooks.frame(header, data);
      },
      error: (error) => this.#hooks.error(error),
      closed: (close) => this.#lost(close),
    });
  }

  #detach(): Line | null {
    const line = this.#line;
    this.#line = null;
    line?.leave();
    return line;
  }

  #leave(): void {
    if (this.#phase === "closed") return;
    this.close();
    this.#hooks.ended({ code: 1000, reason: "The page was left" }, null);
  }

  /** Nothing comes. A socket that is to resume may only be slow: it goes on beside the next. */
  #dead(probed: boolean): void {
    if (this.#phase === "resuming") return this.#dialler.beside();
    // Given up without waiting for its close, which a dead network never brings.
    const reason = probed ? "Nobody answered" : "Nothing was received for 5 s";
    this.#detach()?.close(SILENT);
    this.#lost({ code: 1006, reason }, probed);
  }

  #tick(): void {
    const ack = this.#resumption !== null && this.#phase === "open" ? this.#delivery.ack() : null;
    if (ack !== null) this.#control(ack);
    this.#pump();
    this.#tellOverflow();
  }

  #tellOverflow(): void {
    if (this.#delivery.outbox.overflowed()) this.#hooks.overflow(this.#delivery.outbox.overflow);
  }

  #pump(): void {
    if (this.#line === null || this.#phase === "resuming") return;
    this.#delivery.pump(this.#line);
    if (this.#resumption === null && this.#phase === "open") this.#delivery.forgetSent();
  }

  /** Delivery's own events are not numbered: they are of one connection. */
  #control(event: JsonObject): void {
    if (this.#line?.open !== true) return;
    this.#line.send(JSON.stringify(event));
    this.#hooks.sent(event);
  }

  #text(event: JsonObject): void {
    const type = stringAt(event, "type");
    if (this.#phase === "resuming" && this.#unresumed(type, event)) return;
    if (this.#delivery.repeats(numberAt(event, "server_event_seq") ?? 0)) return;
    this.#hooks.text(event);
    if (this.#phase === "closed") return;
    if (type === "session.created") this.#created(objectAt(event, "session"));
    else if (type === "session.ack") this.#delivery.outbox.forget(numberAt(event, "last_received") ?? 0);
    else if (type === "session.resumed" && this.#phase === "resuming") this.#resumed(event);
    else if (this.#opening !== null) this.#answered(event);
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

  #answered(event: JsonObject): void {
    const answer = answerOf(event);
    if (answer === null) return;
    if (answer !== "taken") this.#fail(answer);
    else if (this.#phase === "open") {
      const opening = this.#opening;
      this.#opening = null;
      this.#hooks.opened();
      opening?.settle(null);
    }
  }

  #created(session: JsonObject | null): void {
    if (session === null || this.#phase !== "opening") return;
    this.#resumption = resumptionOf(session);
    this.#phase = "open";
    this.#dialler.answered();
    this.#pump();
  }

  #lost(close: CloseInfo, atOnce = false): void {
    this.#detach();
    const { code, reason } = close;
    if (this.#opening !== null)
      return this.#fail(new RelayError("closed", reason || "The relay closed the connection", code));
    if (this.#phase === "resuming" && LOST_CODES.has(code))
      return this.#sessionLost(reason || `it closed the connection with ${code}`);
    const meant = FINAL_CODES.has(code) && !(code === TAKEN_OVER && this.#ghosts.took());
    if (this.#resumption === null || meant) return this.#end(close, null);
    if (this.#phase === "open") {
      this.#phase = "resuming";
      this.#loss = close;
      this.#hooks.lost(close);
      if (this.#phase === "resuming") this.#dialler.lost(atOnce);
    } else {
      this.#ghosts.add();
      this.#dialler.again();
    }
  }

  /** Asks for the session on a socket that has opened. The one before, if any, did not answer. */
  #ask(socket: WebSocket): void {
    if (this.#phase !== "resuming" || this.#resumption === null) return socket.close(1000);
    const before = this.#detach();
    if (before !== null) this.#ghosts.add();
    before?.close(SILENT);
    this.#attach(socket);
    this.#control(this.#delivery.resume(this.#resumption.token));
  }

  #resumed(event: JsonObject): void {
    const verdict = verdictOf(event);
    if (verdict === null) return this.#sessionLost(stringAt(event, "reason") ?? "it gave no reason");
    const token = stringAt(event, "resume_token");
    if (this.#resumption !== null && token !== null) this.#resumption.token = token;
    this.#delivery.resumed(numberAt(event, "last_received") ?? 0);
    this.#phase = "open";
    this.#dialler.answered();
    this.#pump();
    this.#hooks.resumed(verdict);
  }

  #sessionLost(reason: string): void {
    this.#hooks.resumed({ verdict: "lost", missing: null, forgotten: null });
    const message = `The relay could not go on with the session: ${reason}`;
    this.#endLost("session_lost", message);
  }

  #endLost(code: string, message: string): void {
    this.#end({ code: this.#loss.code, reason: message }, new RelayError(code, message));
  }

  #end(close: CloseInfo, error: RelayError | null): void {
    if (this.#phase === "closed") return;
    this.#tellOverflow();
    // Not a goodbye: the application may go on with it from elsewhere.
    this.#close("");
    this.#hooks.ended(close, error);
  }
}
