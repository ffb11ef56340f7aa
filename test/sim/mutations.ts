/**
 * Deliberate breakages of the core, each by one exact replacement. A simulator is as good as what it catches: every
 * one of these must be caught within 500 seeds (docs/testing.md).
 */
export interface Mutation {
  readonly number: number;
  readonly what: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export const MUTATIONS: readonly Mutation[] = [
  {
    number: 1,
    what: "a turn begins half a second late: its first words are lost",
    file: "src/session/turns/turn-taking.ts",
    from: "this.#begin(Math.max(this.#startTicks, prefixTicks, 0));",
    to: "this.#begin(Math.max(this.#startTicks, prefixTicks, 0) + 500 * TICKS_PER_MS);",
  },
  {
    number: 2,
    what: "audio that waited for the listener is cut at the wrong sample and heard twice",
    file: "src/session/output/lane.ts",
    from: "this.#queue[0] = { ...head, bytes: head.bytes.subarray(most) };",
    to: "this.#queue[0] = { ...head, bytes: head.bytes.subarray(most - size) };",
  },
  {
    number: 3,
    what: "what was sent counts as heard: history keeps words that nobody heard",
    file: "src/session/output/playout.ts",
    from: "    return this.cutAt(itemId, this.heardMs(itemId, now), now);",
    to: "    return this.cutAt(itemId, this.sentMs(itemId), now);",
  },
  {
    number: 4,
    what: "a client that went away is waited for without end: upstreams stay open",
    file: "src/session/session.ts",
    from: 'else if (name === "client:gone") this.#end("client_gone");',
    to: 'else if (name === "client:gone") return;',
  },
  {
    number: 5,
    what: "a provider that stops answering is waited for without end",
    file: "src/session/output/responses.ts",
    from: 'this.#context.metric("response_timeouts", 1, response.upstream);',
    to: 'if (this.#context.now > 0) return;\n    this.#context.metric("response_timeouts", 1, response.upstream);',
  },
  {
    number: 6,
    what: "a resumed client is sent one message too few",
    file: "src/session/delivery/delivery.ts",
    from: "this.#port.outbox.after(lastReceived);",
    to: "this.#port.outbox.after(lastReceived + 1);",
  },
  {
    number: 7,
    what: "what the client sent is acknowledged before it is durable",
    file: "src/session/delivery/delivery.ts",
    from: "this.#acknowledged = received;",
    to: "this.#acknowledged = this.#received;",
  },
  {
    number: 8,
    what: "what a crash made the relay forget goes on as if the client had not seen it",
    file: "src/session/client/doubt.ts",
    from: "if (forgotten !== null || lastReceived === null) this.#forsake();",
    to: "",
  },
];

/** @throws Error when the code to replace is not there exactly once: then the mutation must be written anew. */
export function mutate(source: string, { number, file, from, to }: Mutation): string {
  const parts = source.split(from);
  if (parts.length !== 2)
    throw new Error(`mutation ${number}: ${file} has its text ${parts.length - 1} times`);
  return parts.join(to);
}
