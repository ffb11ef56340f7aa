/** Faults that are planted on purpose, each by one exact replacement: a fuzzer is as good as what it finds. */
import type { Mutation } from "../sim/mutations.ts";

export interface Plant extends Mutation {
  /** Which check is to find it. */
  readonly check: string;
  /** Within some thousand messages of seed 1. */
  readonly soon: boolean;
}

export const PLANTS: readonly Plant[] = [
  {
    number: 1,
    what: "a table of kinds is asked for names that every object inherits",
    check: "threw",
    soon: true,
    file: "src/session/client/item-check.ts",
    from: "Object.hasOwn(REQUIRED, type) ? REQUIRED[type] : undefined;",
    to: "REQUIRED[type];",
  },
  {
    number: 2,
    what: "the conversation forgets nothing",
    check: "growth",
    soon: true,
    file: "src/session/memory/conversation.ts",
    from: "while (this.#entries.length > this.#limits.items || surplus > 0) {",
    to: "while (this.#entries.length > 1e9) {",
  },
  {
    number: 3,
    what: "a provider's words reach the client as they are",
    check: "secret",
    soon: true,
    file: "src/upstreams/redact.ts",
    from: 'message: text(message ?? "") ||',
    to: 'message: (message ?? "") ||',
  },
  {
    number: 4,
    what: "an error does not say which event it is about",
    check: "blame",
    soon: true,
    file: "src/session/client/client-messages.ts",
    from: "    const eventId = eventIdOf(message);",
    to: "    const eventId = eventIdOf(null);",
  },
  {
    number: 5,
    what: "a provider may say what only the relay says",
    check: "type",
    soon: true,
    file: "src/upstreams/openai-others.ts",
    from: " || !EVENT_TYPE.test(type) || RELAYS_OWN.test(type)) return;",
    to: ") return;",
  },
  {
    number: 6,
    what: "an update of the session is taken and never told",
    check: "stuck",
    soon: true,
    file: "src/session/client/session-object.ts",
    from: 'tell: (config) => parts.port.emit({ type: "session.updated", session: this.shown(config) }),',
    to: "tell: () => undefined,",
  },
  {
    number: 7,
    what: "a client's JSON may be as deep as it likes",
    check: "threw",
    soon: false,
    file: "src/session/client/client-messages.ts",
    from: "const MAX_NESTING = 64;",
    to: "const MAX_NESTING = 1e9;",
  },
  {
    number: 8,
    what: "a provider's JSON may be as deep as it likes",
    check: "threw",
    soon: true,
    file: "src/upstreams/openai-decode.ts",
    from: "const MAX_NESTING = 64;",
    to: "const MAX_NESTING = 1e9;",
  },
  {
    number: 9,
    what: "what waits for its turn is kept with a key in it",
    check: "secret",
    soon: true,
    file: "src/upstreams/openai-input.ts",
    from: "this.#early.keep(this.#redacted(event), handler);",
    to: "this.#early.keep(event, handler);",
  },
  {
    number: 10,
    what: "a plain client is told the relay's extensions",
    check: "dialect",
    soon: true,
    file: "src/session/client/client-port.ts",
    from: "return this.#traits.extended;",
    to: "return this.#dialect !== null;",
  },
];
