/** Messages of a client's that are not taken: it is told of them, and no more often than it can use. */
import { ClientError } from "../../protocol/client-error.ts";
import type { WireMessage } from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import type { Budget, Resource } from "./budget.ts";
import type { ClientPort } from "./client-port.ts";
import { frontOf, nameOf } from "./message-faults.ts";
import type { MessageWork } from "./message-work.ts";

/** What was refused and not told is told by this deadline, so long after it. */
export const REFUSED = "refused";
const TELL_WITHIN_MS = 1000;

export class MessageRefusals {
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #budget: Budget;
  readonly #work: MessageWork;

  constructor(context: Context, port: ClientPort, budget: Budget, work: MessageWork) {
    this.#context = context;
    this.#port = port;
    this.#budget = budget;
    this.#work = work;
  }

  /**
   * Beyond its budget: neither read nor parsed, but for the name under which that is told once a second. `eventId`: that
   * name, where what is left of the message has none.
   */
  lacks(resource: Resource, ms: number, data: WireMessage, eventId: string | null = null): void {
    this.#work.refused();
    const { deadlines, now } = this.#context;
    const error = this.#budget.refuse(resource, data.length, ms, now);
    if (error) this.#port.rejected(error, eventId ?? nameOf(data));
    else if (deadlines.get(REFUSED) === null) deadlines.set(REFUSED, now + TELL_WITHIN_MS);
  }

  /** What was refused last is told, where nothing more was refused since. */
  tell(): void {
    for (const error of this.#budget.untold(this.#context.now)) this.#port.rejected(error, null);
  }

  /** Too large to parse: what can be said of it stands at its front. */
  size(data: WireMessage): void {
    const param = frontOf(data).includes('"input_audio_buffer.append"') ? "audio" : null;
    const limit = this.#context.limits.clientMessageSize;
    const error = new ClientError("message_too_large", `The message is larger than ${limit} bytes.`, param);
    this.#budget.weigh(data.length, this.#context.now);
    this.#port.rejected(error, nameOf(data));
  }

  /** Its dialect could make nothing of it: of so many bytes or characters. */
  unread(error: ClientError, eventId: string | null, size: number): void {
    this.#budget.bytes.charge(size, this.#context.now);
    this.#budget.weigh(size, this.#context.now);
    if (eventId === null) this.#port.rejectedStream(error, null);
    else this.#port.rejected(error, eventId);
  }
}
