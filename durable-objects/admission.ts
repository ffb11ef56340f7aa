/** Who may come into an object's call, and who begins it. */
import type { Arrival, Refusal } from "./call-setup.ts";
import { sameTarget } from "./call-setup.ts";
import { describeFailure } from "./failure.ts";
import type { VoiceCall } from "./voice-call.ts";

/** Session configurations that wait for the upgrade that follows them at once. */
const TICKET_LIMIT = 4;
/** A client that dials again may be faster than the news that its last connection broke. */
const GRACE_MS = 250;
const GRACE_STEP_MS = 25;

/** In place of a token's name: the session was ended before anybody opened it. */
export const WITHDRAWN = "withdrawn";

export class Admission {
  readonly #call: VoiceCall;
  readonly #tickets = new Map<string, string>();

  constructor(call: VoiceCall) {
    this.#call = call;
  }

  /** The configuration of a session whose upgrade names this ticket. */
  ticket(ticket: string, session: string): void {
    const [oldest] = this.#tickets.keys();
    if (this.#tickets.size >= TICKET_LIMIT && oldest !== undefined) this.#tickets.delete(oldest);
    this.#tickets.set(ticket, session);
  }

  /** Nothing here awaits: two connections with one token are told apart by the order in which they came. */
  admit(arrival: Arrival): Refusal | null {
    const { call, keyId, resume, secret } = arrival;
    if (resume !== null) return this.#readmit(resume);
    const { live, store } = this.#call;
    const own = secret !== null && live?.call.secret === secret && !live.shell.over;
    if (own && (call === null || sameTarget(call, live.call))) {
      return live.shell.attended ? "session_busy" : null;
    }
    if (secret !== null && call === null) return "session_not_found";
    if (live === null && store.used?.jti === WITHDRAWN) return "session_ended";
    const token = call?.token ?? null;
    if (token !== null && !store.consume(token)) return secret === null ? "token_used" : "session_busy";
    if (live === null) return this.#begin(arrival);
    if (live.call.keyId !== keyId) return "session_not_found";
    return live.shell.over ? "session_ended" : null;
  }

  /** The call begins with who comes. */
  #begin({ call, ticket, drawn }: Arrival): Refusal | null {
    if (call === null || this.#call.locked !== null) return "session_not_found";
    const session = ticket === null ? null : (this.#tickets.get(ticket) ?? null);
    if (ticket !== null && session === null) return "session_unavailable";
    if (ticket !== null) this.#tickets.delete(ticket);
    try {
      this.#call.start(session === null ? call : { ...call, session: JSON.parse(session) }, drawn);
    } catch (error) {
      console.error("a voice session could not begin", describeFailure(error));
      return "session_unavailable";
    }
    return null;
  }

  /** Waits a moment for the client that is still connected to be gone. */
  async vacated(): Promise<boolean> {
    for (let ms = 0; ms < GRACE_MS && this.#call.live?.shell.attended === true; ms += GRACE_STEP_MS) {
      await scheduler.wait(GRACE_STEP_MS);
    }
    return this.#call.live?.shell.attended === false;
  }

  /** What has ended is as unknown as what never was: both are soon forgotten. */
  #readmit(token: string): Refusal | null {
    const { live, locked } = this.#call;
    if (locked !== null) return "resume_refused";
    if (live === null || live.shell.over) return "session_not_found";
    return live.core.resumable(token) ? null : "resume_refused";
  }
}
