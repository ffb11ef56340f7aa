/** Faults that a client is told of, each as often as it can use. */
import { ClientError } from "../../protocol/client-error.ts";
import type { UpstreamFault } from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import type { Budget } from "./budget.ts";
import { FaultLimiter, type FaultLimiterSnapshot } from "./fault-limiter.ts";

/** Of what an error repeats of the client's own words. */
const ERROR_CHARS = 1024;

/** `error` of OpenAI's event, but for its cause. */
export interface ToldFault {
  readonly type: string;
  readonly code: string;
  readonly message: string;
  readonly param: string | null;
}

export class ClientFaults {
  readonly #context: Context;
  readonly #budget: Budget;
  readonly #tell: (fault: ToldFault, eventId: string | null) => void;
  /** Of faults that each message of a stream has. */
  readonly #limiter = new FaultLimiter();

  constructor(context: Context, budget: Budget, tell: (fault: ToldFault, eventId: string | null) => void) {
    this.#context = context;
    this.#budget = budget;
    this.#tell = tell;
  }

  /**
   * The client's own fault, answered with the id of the event that caused it. Of very many the rest of a second is told in
   * one, by its code.
   */
  rejected(error: ClientError, eventId: string | null): void {
    if (this.#budget.errors.take(1, this.#context.now)) this.#reject(error, eventId);
    else this.#rejectOften(error.code, error, eventId);
  }

  /** The same of one message of a stream: told once a second, with how many like it were not. */
  rejectedStream(error: ClientError, eventId: string | null): void {
    this.#rejectOften(`${error.code} ${error.message}`, error, eventId);
  }

  #rejectOften(kind: string, error: ClientError, eventId: string | null): void {
    const left = this.#limiter.take(kind, this.#context.now);
    if (left === null) {
      this.#context.metric("client_errors", 1);
      return;
    }
    const { code, message, param } = error;
    const counted = left === 0 ? message : `${message} ${left} more such messages came since the last error.`;
    this.#reject(new ClientError(code, counted, param), eventId);
  }

  #reject(error: ClientError, eventId: string | null): void {
    this.#context.metric("client_errors", 1);
    const param = error.param?.slice(0, ERROR_CHARS) ?? null;
    const message = error.message.slice(0, ERROR_CHARS);
    this.#tell({ type: "invalid_request_error", code: error.code, message, param }, eventId);
  }

  /** A provider refused what the client asked for: its words, under the id of the event that caused it. */
  refused(fault: UpstreamFault, eventId: string | null): void {
    const { type = "invalid_request_error", code, message, param = null } = fault;
    this.#tell({ type, code, message, param }, eventId);
  }

  /** An upstream's or our own fault. */
  failed(code: string, message: string, eventId: string | null = null): void {
    this.#tell({ type: "server_error", code, message, param: null }, eventId);
  }

  /** The same, which may come again and again: told once a second, with how many like it were not. */
  failedOften(code: string, message: string): void {
    const left = this.#limiter.take(`${code}: ${message.slice(0, ERROR_CHARS)}`, this.#context.now);
    if (left === null) return;
    this.failed(code, left === 0 ? message : `${message} ${left} more such errors came since the last one.`);
  }

  /** The end of what the client may have: a time, a budget. */
  outlasted(code: string, message: string): void {
    this.#tell({ type: "invalid_request_error", code, message, param: null }, null);
  }

  /** Another connection: it was told of none. */
  anew(): void {
    this.#limiter.restore([]);
  }

  snapshot(): FaultLimiterSnapshot {
    return this.#limiter.snapshot();
  }

  restore(snapshot: FaultLimiterSnapshot): void {
    this.#limiter.restore(snapshot);
  }
}
