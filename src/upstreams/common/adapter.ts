/**
 * What adapters of one socket each do alike. What such an adapter owes the session waits for the provider's next message, since it
 * speaks only when it is spoken to. How a command is told, how a message is read and what more is remembered is the provider's.
 */
import { closeFault } from "../openai-compatible/words.ts";
import { createRedactor, type Redactor } from "../redact.ts";
import type {
  Capabilities,
  Command,
  DialRequest,
  Item,
  JsonObject,
  Upstream,
  UpstreamConfig,
  UpstreamEvent,
  UpstreamFault,
  WireMessage,
} from "../upstream.ts";

/** The oldest are given up, and the session's deadlines end what they were about. */
export const MAX_OWED = 256;

export type CommonState = {
  readonly ready: boolean;
  readonly config: JsonObject | null;
  /** Events that wait for the next message: they are JSON. */
  readonly owed: readonly JsonObject[];
};

/** `State`: what is remembered beside that, as JSON. */
export abstract class Adapter<State extends JsonObject> implements Upstream {
  abstract readonly capabilities: Capabilities;
  protected readonly dial: DialRequest;
  protected readonly redactor: Redactor;
  /** `decode` begins with them, in their order. */
  protected readonly owed: UpstreamEvent[] = [];
  /** The configuration that it was told last. */
  protected config: UpstreamConfig | null = null;
  protected ready = false;

  constructor(dial: DialRequest) {
    this.dial = dial;
    this.redactor = createRedactor(dial.headers, dial.url);
  }

  request(_kind?: UpstreamConfig["kind"], _config?: UpstreamConfig): DialRequest {
    return this.dial;
  }

  abstract greet(...args: Parameters<Upstream["greet"]>): readonly WireMessage[];

  encode(command: Command): readonly WireMessage[] {
    const messages = this.tell(command);
    if (this.owed.length > MAX_OWED) this.owed.splice(0, this.owed.length - MAX_OWED);
    return messages;
  }

  protected abstract tell(command: Command): readonly WireMessage[];

  abstract decode(message: WireMessage): readonly UpstreamEvent[];

  closed(code: number, reason: string): UpstreamFault | null {
    return closeFault(code, this.redactor.text(reason));
  }

  snapshot(): JsonObject {
    const common: CommonState = {
      ready: this.ready,
      config: this.config === null ? null : { ...this.config },
      owed: [...this.owed] as unknown as readonly JsonObject[],
    };
    return { ...common, ...this.remembered() };
  }

  protected abstract remembered(): State;

  restore(snapshot: JsonObject): void {
    // Our own writing, inside the session's versioned snapshot.
    const state = snapshot as unknown as CommonState & State;
    this.ready = state.ready;
    if (state.config !== null) this.configured(state.config as unknown as UpstreamConfig);
    this.owed.push(...(state.owed as unknown as readonly UpstreamEvent[]));
    this.recall(state);
  }

  protected abstract recall(state: State): void;

  protected configured(config: UpstreamConfig): void {
    this.config = config;
  }

  /** The provider does not take these members of the configuration. */
  protected untaken(fields: readonly string[]): void {
    if (fields.length > 0) this.owed.push({ type: "unconfigured", fields });
  }

  protected refuseItem({ id }: Item, cause: string | null, error: UpstreamFault): void {
    this.owed.push({ type: "refused", what: "item", id, cause, error });
  }
}
