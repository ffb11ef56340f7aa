/**
 * Delivery to and from a `duplex.v1` client: numbers both ways, acknowledgements, heartbeat, resume (docs/wire.md).
 *
 * What the client sent is acknowledged when a snapshot that holds its effect is durable: acknowledged means that the
 * client may forget it, whatever happens to this object. What was sent to the client is kept until it acknowledges.
 */
import { ClientError } from "../../protocol/client-error.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { Context } from "../context.ts";
import { CLIENT, type Covers, type DrawId } from "../io.ts";
import { Pulse, type PulseHost, type PulseSnapshot } from "./pulse.ts";
import type { ClientPort, NumberRange } from "./ports.ts";
import { goodTokens, equal, tokenOfAnew } from "./resume-tokens.ts";
import { audioMsOf } from "./sent-audio.ts";

/** A client that came back and says nothing at all is closed with this; its session waits on. */
const SILENT_CODE = 4008;
/** Unacknowledged input asks for a snapshot after this. */
const ACK_WITHIN_MS = 5000;
/** The present one and the next. */
const VALID_TOKENS = 2;

export interface DeliveryHost extends PulseHost {
  /**
   * The client has our messages up to this number; null: it began anew and has none.
   * @returns the numbers of those that a crash made us forget, or null.
   */
  recall(lastReceived: number | null): NumberRange | null;
  /** Of what was sent on these streams the last so many milliseconds never arrived, and are sent again now. */
  unreceived(ms: ReadonlyMap<number, number>): void;
  /** The client is there again and hears: what waited may go on. */
  resumed(): void;
  /** A client begins anew: what was under way is nobody's, and nobody is told of its end. */
  forsaken(): void;
  /** It is told everything from the beginning. */
  restarted(): void;
}

export class Delivery {
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #host: DeliveryHost;
  readonly #drawId: DrawId;
  readonly pulse: Pulse;
  /**
   * The present token, the next one, drawn ahead so that the snapshot that a crash leaves knows it already, and the
   * one before, for the same reason the other way round, until the client shows that it was told the present one.
   */
  #tokens: readonly string[];
  /** Highest number received from the client, and highest acknowledged: durable. */
  #received = 0;
  #acknowledged = 0;
  /** How often the client began to count anew: a snapshot of before covers nothing of it. */
  #count = 0;
  /** A client came back and has not said yet how. */
  #resuming = false;
  /** What a crash made us forget, as a verdict said that may not have arrived. */
  #forgotten: NumberRange | null = null;

  constructor(context: Context, port: ClientPort, drawId: DrawId, host: DeliveryHost) {
    this.#context = context;
    this.#port = port;
    this.#drawId = drawId;
    this.#host = host;
    this.pulse = new Pulse(context, port, host);
    this.#tokens = [`rt_${drawId()}`, `rt_${drawId()}`];
  }

  get token(): string {
    return this.#tokens[0] ?? "";
  }

  resumable(token: string): boolean {
    return (
      token !== "" && this.#port.extended && goodTokens(this.#tokens).some((known) => equal(known, token))
    );
  }

  /** A client of this session connected. @returns whether it was here before: it decides what follows. */
  opened(again: boolean): boolean {
    this.pulse.heard();
    if (!again) {
      this.#anew();
      return false;
    }
    this.#resuming = true;
    this.#port.mute();
    const { deadlines, limits, now } = this.#context;
    deadlines.set("client:resume", now + limits.clientGoneMs);
    return true;
  }

  /** Another client, or one that begins anew: both count from one, and no token of the former's is good any more. */
  #anew(): void {
    this.#received = 0;
    this.#acknowledged = 0;
    this.#forgotten = null;
    this.#count += 1;
    this.#port.restart();
    this.pulse.anew();
    if (this.#port.extended) this.pulse.begin();
    if (this.#count === 1) return;
    this.#tokens = [tokenOfAnew(this.#tokens), `rt_${this.#drawId()}`];
    // A crash must not bring the former numbers back.
    this.#context.persistNow();
  }

  closed(): void {
    this.#resuming = false;
    this.#context.deadlines.clear("client:resume");
    this.pulse.closed();
  }

  /** A message with a number came, 0: without. @returns false: it is one that was taken before. */
  heard(sequence: number): boolean {
    if (sequence === 0) return true;
    if (sequence <= this.#received) {
      this.#context.metric("duplicates_dropped", 1);
      return false;
    }
    this.#received = sequence;
    if (this.#context.deadlines.get("client:ack") === null) {
      this.#context.deadlines.set("client:ack", this.#context.now + ACK_WITHIN_MS);
    }
    return true;
  }

  /**
   * Before a message other than `session.resume` is taken. Of a client that came back: it began anew. Of one that has
   * resumed: it has its next token, and the one that it came with is worth nothing any more.
   */
  settle(): void {
    if (this.#tokens.length > VALID_TOKENS) {
      this.#tokens = this.#tokens.slice(0, VALID_TOKENS);
      this.#forgotten = null;
      this.#context.persist();
    }
    if (!this.#resuming) return;
    this.#resuming = false;
    this.#context.deadlines.clear("client:resume");
    this.#host.recall(null);
    this.#host.forsaken();
    this.#anew();
    this.#host.restarted();
  }

  /** The client's `session.ack`. @throws ClientError for a number that was never given. */
  acknowledge(sequence: number): void {
    this.pulse.able();
    if (sequence > this.#port.sequence) {
      throw new ClientError("invalid_value", `No message ${sequence} was sent.`, "last_received");
    }
    this.#port.acknowledge(sequence);
  }

  /** The client's `session.resume`. @throws ClientError when it is no first message, or the token is wrong. */
  resume(token: string, lastReceived: number): void {
    if (!this.#resuming) {
      throw new ClientError(
        "invalid_request",
        "session.resume is the first message of a new connection.",
        "type",
      );
    }
    if (!this.resumable(token)) {
      this.#verdict({ verdict: "lost", reason: "resume_token_refused", last_received: this.#received });
      this.#context.act({ type: "close", peer: CLIENT, code: 4003, reason: "resume token refused" });
      this.#host.gone();
      return;
    }
    this.#resuming = false;
    this.#context.deadlines.clear("client:resume");
    const anew = equal(tokenOfAnew(this.#tokens), token) ? this.#beganUnknown(lastReceived) : null;
    const next = this.#tokens[1] ?? "";
    // After a crash the client may hold the token drawn ahead: then that one is spent, and another is made.
    this.#tokens = [token === next ? `rt_${this.#drawId()}` : next, `rt_${this.#drawId()}`, token];
    this.#forgotten = anew ?? this.#forgottenBy(lastReceived);
    this.#replay(Math.min(lastReceived, this.#port.sequence), this.#forgotten);
    this.pulse.able();
    this.pulse.begin();
    this.#host.resumed();
    this.#context.persistNow();
  }

  /** It is one that began anew in a life of which nothing was stored: what the former's numbers were says nothing of it. */
  #beganUnknown(lastReceived: number): NumberRange | null {
    this.#host.recall(null);
    this.#host.forsaken();
    this.#anew();
    return this.#port.recall(lastReceived);
  }

  /** Of the messages that the client has, those that nobody here knows of; told again until it shows that it heard. */
  #forgottenBy(lastReceived: number): NumberRange | null {
    const told = this.#forgotten;
    const now = this.#host.recall(lastReceived);
    if (told === null || (now === null && lastReceived > told[1])) return now;
    return now === null ? told : [Math.min(told[0], now[0]), now[1]];
  }

  #replay(lastReceived: number, forgotten: NumberRange | null): void {
    this.#port.acknowledge(lastReceived);
    const gaps = this.#port.outbox.gapsAfter(lastReceived);
    const again = this.#port.outbox.after(lastReceived);
    const missing = {
      messages: gaps.reduce((sum, gap) => sum + gap.to - gap.from + 1, 0),
      ms: Math.round(gaps.reduce((sum, gap) => sum + gap.audioMs, 0)),
      ranges: gaps.map((gap) => [gap.from, gap.to]),
    };
    const partial = gaps.length > 0 || forgotten !== null;
    this.#context.metric(partial ? "resumes_partial" : "resumes_whole", 1);
    this.#verdict({
      verdict: partial ? "partial" : "resumed",
      last_received: this.#received,
      resume_token: this.token,
      replayed: again.length,
      ...(gaps.length > 0 ? { missing } : {}),
      ...(forgotten === null ? {} : { forgotten }),
    });
    this.#host.unreceived(audioMsOf(again));
    this.#port.unmute();
    for (const message of again) this.#port.again(message.data);
  }

  #verdict(verdict: JsonObject): void {
    this.#port.emitUnnumbered({ type: "session.resumed", ...verdict });
  }

  #silent(): void {
    if (!this.#resuming) return;
    this.#context.act({ type: "close", peer: CLIENT, code: SILENT_CODE, reason: "nothing was said" });
    this.#host.gone();
  }

  /** What a snapshot taken now covers. */
  get covers(): Covers {
    return { count: this.#count, received: this.#received };
  }

  /** A snapshot that covers this is durable. */
  persisted({ count, received }: Covers): void {
    if (count !== this.#count || received <= this.#acknowledged) return;
    if (!this.#port.connected || this.#resuming) return;
    this.#acknowledged = received;
    // A turn's snapshot has just done what the deadline was to bring about.
    const { deadlines, now } = this.#context;
    if (received === this.#received) deadlines.clear("client:ack");
    else deadlines.set("client:ack", now + ACK_WITHIN_MS);
    this.#port.emitUnnumbered({ type: "session.ack", last_received: this.#acknowledged });
  }

  /** A deadline `client:<what>` of delivery came. */
  timeout(what: string): void {
    if (what === "resume") this.#silent();
    else if (what === "ack") this.#context.persist();
    else if (what === "beat" || what === "dead") this.pulse.timeout(what);
  }

  snapshot(): DeliverySnapshot {
    return {
      tokens: this.#tokens,
      received: this.#received,
      acknowledged: this.#acknowledged,
      count: this.#count,
      resuming: this.#resuming,
      toldAfter: 0,
      forgotten: this.#forgotten,
      pulse: this.pulse.snapshot(),
    };
  }

  restore(snapshot: DeliverySnapshot): void {
    this.#tokens = snapshot.tokens;
    this.#received = snapshot.received;
    this.#acknowledged = snapshot.acknowledged;
    this.#count = snapshot.count;
    this.#resuming = snapshot.resuming;
    this.#forgotten = snapshot.forgotten ?? null;
    this.pulse.restore(snapshot.pulse);
  }
}

export interface DeliverySnapshot {
  readonly tokens: readonly string[];
  readonly received: number;
  readonly acknowledged: number;
  readonly count: number;
  readonly resuming: boolean;
  /** For the release before, which would forget the former token later. */
  readonly toldAfter: number;
  /** Absent in snapshots of before. */
  readonly forgotten?: NumberRange | null;
  readonly pulse: PulseSnapshot;
}
