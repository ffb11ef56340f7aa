/**
 * Whether the session's client is there: it comes, drops, comes back or begins anew, is put out, hangs up; and the end of the
 * session, which is for good.
 */
import { attempt } from "./attempt.ts";
import type { BackpressureHost } from "./client/backpressure.ts";
import type { Conduct } from "./conduct.ts";
import type { DeliveryHost } from "./delivery/delivery.ts";
import type { NumberRange } from "./delivery/ports.ts";
import { CLIENT, type Dialect, type SessionState } from "./io.ts";
import { mayRest } from "./quiet.ts";

/** No close frame at all, or a page, tab or process that went away with its call. */
const DROPPED: ReadonlySet<number> = new Set([1001, 1006]);
/** How a `duplex.v1` client says that it does not come back: with either of the codes, and this as its reason. */
const GOODBYE = "end";
const GOODBYE_CODES: ReadonlySet<number> = new Set([1000, 1001]);
/** A client that reads nothing is closed with this; one that resumes reads on where it was. */
const STUCK_CODE = 4008;
/** One that goes on sending what is refused, or whose key has nothing left (RFC 6455 §7.4.1: a policy is violated). */
const FLOOD_CODE = 1008;

export class Presence implements DeliveryHost, BackpressureHost {
  readonly #conduct: Conduct;
  #status: SessionState["status"] = "waiting";

  constructor(conduct: Conduct) {
    this.#conduct = conduct;
  }

  get status(): SessionState["status"] {
    return this.#status;
  }

  opened(dialect: Dialect): void {
    const { port, context, delivery, doubt, messages, backpressure } = this.#conduct;
    // One that is still there is put out by the shell, which tells nobody: the one that dials is the one that lives.
    this.gone();
    const again = port.continues(dialect);
    messages.opened(again);
    if (!again) {
      doubt.recall(null);
      this.#forsake();
      messages.breakOff();
    }
    this.#status = "connected";
    backpressure.reset();
    port.open(dialect);
    context.deadlines.clear("session:unclaimed");
    context.deadlines.clear("client:gone");
    if (!delivery.opened(again)) this.restarted();
  }

  /** One that is waited for has dialled in time: it is waited for as long again, until it has said who it is. */
  pending(): void {
    const { context, doubt } = this.#conduct;
    const { deadlines, limits, now } = context;
    if (deadlines.get("client:gone") === null) return;
    deadlines.set("client:gone", now + limits.clientGoneMs);
    doubt.wait(now + limits.clientGoneMs);
  }

  /** A client is there that knows nothing yet: the first of the session, or one that begins anew on it. */
  restarted(): void {
    const { absence, asking, doubt, idle, turns } = this.#conduct;
    this.#greet();
    attempt(this.#conduct, () => doubt.settle());
    attempt(this.#conduct, () => absence.tell());
    attempt(this.#conduct, () => asking.settle());
    turns.watch.back();
    idle.arm();
  }

  #greet(): void {
    const { port, context, lines, listener, parking, sessionObject } = this.#conduct;
    port.emit({ type: "session.created", session: sessionObject.shown() });
    this.#tellFallback();
    parking.touch();
    listener.back();
    for (const link of lines) link.ensure();
    context.persist();
  }

  /** The neural detector cannot decide here: the application is told, and the metrics. */
  #tellFallback(): void {
    const { context, port, detector, detectorFallback: reason } = this.#conduct;
    if (reason === null) return;
    context.metric("detector_fallbacks", 1);
    if (port.extended) port.emit({ type: "relay.detector", detector: detector.name, reason });
  }

  /** It says with its first message what it has seen. See `Doubt.recall`. */
  recall(lastReceived: number | null): NumberRange | null {
    return this.#conduct.doubt.recall(lastReceived);
  }

  unreceived(ms: ReadonlyMap<number, number>): void {
    this.#conduct.bargeIn.unreceived(ms);
  }

  /** It is there again and hears: what waited may go on. */
  resumed(): void {
    const { arrival, asking, context, doubt, idle, listener, turns } = this.#conduct;
    doubt.settle();
    listener.back();
    arrival.back(context.now);
    turns.watch.back();
    idle.arm();
    asking.settle();
  }

  /** It begins anew: what was under way is nobody's, and nobody is told of its end. */
  forsaken(): void {
    this.#forsake();
    this.#conduct.input.breakOff();
  }

  /** Whoever comes next knows nothing of what was under way, nor of what was asked for. */
  #forsake(): void {
    this.#conduct.asking.forget();
    this.#conduct.absence.stop();
  }

  parked(): boolean {
    return mayRest(this.#conduct);
  }

  /** It reads again: what waited may go on. */
  relieved(): void {
    this.#conduct.responses.drain();
  }

  stuck(): void {
    this.putOut(STUCK_CODE, "nothing was read for too long");
  }

  flooded(): void {
    this.putOut(FLOOD_CODE, "too many messages were refused");
  }

  /** It takes nothing of what it is sent, or does not stop: as good as gone, whatever its socket says. */
  putOut(code: number, reason: string): void {
    const { context, port } = this.#conduct;
    if (!port.connected) return;
    context.act({ type: "close", peer: CLIENT, code, reason });
    this.gone();
  }

  /** A client that lost its connection may come back, for a while; one that hung up does not. */
  closed(code: number, reason: string): void {
    const hungUp = this.#conduct.port.extended
      ? GOODBYE_CODES.has(code) && reason === GOODBYE
      : !DROPPED.has(code);
    if (hungUp) this.hungUp();
    else this.gone();
  }

  gone(): void {
    const { backpressure, context, delivery, listener, messages, port, reactions } = this.#conduct;
    if (!port.connected) return;
    port.closed();
    delivery.closed();
    backpressure.reset();
    listener.away();
    reactions.clientAway();
    if (!port.extended) {
      this.#forsake();
      messages.breakOff();
    }
    this.#status = "waiting";
    context.deadlines.set("client:gone", context.now + context.limits.clientGoneMs);
    context.persist();
  }

  hungUp(): void {
    this.end("client_closed");
  }

  end(reason: string): void {
    if (this.#status === "ended") return;
    const { context, costs, doubt, reactions } = this.#conduct;
    // In doubt there is no connection to hang up: they died with the object.
    if (doubt.kept === null) reactions.ended();
    this.#status = "ended";
    costs?.close();
    context.end(reason);
  }

  /** The application ends the session. */
  terminate(reason = "session ended by the application"): void {
    const { port, context } = this.#conduct;
    if (port.connected) context.act({ type: "close", peer: CLIENT, code: 1000, reason });
    this.end("terminated");
  }

  /** It is at its longest. */
  expire(): void {
    const minutes = Math.round(this.#conduct.context.limits.sessionMs / 60_000);
    this.#outlast("session_expired", `Your session hit the maximum duration of ${minutes} minutes.`, 1001);
  }

  /** Its key has nothing left. */
  spent(message: string): void {
    this.#outlast("rate_limit_exceeded", message, FLOOD_CODE);
  }

  #outlast(what: string, message: string, code: number): void {
    this.#conduct.port.outlasted(what, message, code);
    this.end(what);
  }

  /** As it was stored; nobody is connected where that is in doubt. */
  restore(status: SessionState["status"]): void {
    this.#status = status;
  }
}
