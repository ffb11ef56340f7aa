/** Deliberate breakages of the driver of the Durable Object: see mutations.ts. */
import type { Mutation } from "./mutations.ts";

export const DRIVER_MUTATIONS: readonly Mutation[] = [
  {
    number: 43,
    what: "the driver waits for a clock that was set back",
    file: "durable-objects/schedule.ts",
    from: "Math.min(this.#timedOutAt, now) + 1",
    to: "this.#timedOutAt + 1",
    among: ["platform.clock_back", "client.vanishes"],
  },
  {
    number: 44,
    what: "the driver never reads how much waits in a socket",
    file: "durable-objects/shell.ts",
    from: "    if (this.#polling.at !== null && this.#polling.at <= now) this.#peers.poll(this.#buffered);\n",
    to: "    if (this.#polling.at !== null && this.#polling.at <= now) this.#polling.poll(() => now, () => 0, () => true);\n",
  },
  {
    number: 45,
    what: "a connection that has not said who it is takes the client's place",
    file: "durable-objects/callers.ts",
    from: "    if (mark !== null && !this.#introduced(socket, mark, data)) return;\n",
    to: '    if (mark !== null) {\n      this.#pending.promote(socket);\n      this.#attach(socket, "duplex.v1");\n    }\n',
    among: ["client.second_connection"],
  },
  {
    number: 46,
    what: "a connection that will be the client puts the live one out at once",
    file: "durable-objects/callers.ts",
    from: '    if (dialect !== "duplex.v1" || (entry.token === null && !this.#session.extended)) {',
    to: '    if (dialect !== "duplex.v1" || this.#session.state().status !== "ended") {',
    among: ["client.second_connection"],
  },
  {
    number: 47,
    what: "the object sleeps though something came meanwhile",
    file: "durable-objects/shell.ts",
    from: "    this.#host.awake();\n    return others;",
    to: "    return others;",
    among: ["platform.evict", "platform.crash"],
  },
  {
    number: 48,
    what: "the driver hangs up nobody",
    file: "durable-objects/called.ts",
    from: "    upstream?.call?.hangUp(sendableCloseCode(code), sendableCloseReason(reason));\n",
    to: "",
  },
  {
    number: 49,
    what: "a failed snapshot is not tried again",
    file: "durable-objects/snapshots.ts",
    from: "    if (this.#wished || covers === null) this.soon();\n",
    to: "    if (this.#wished && covers !== null) this.soon();\n",
    among: ["platform.store_refuses", "platform.evict"],
  },
  {
    number: 50,
    what: "a snapshot that was never stored counts as durable",
    file: "durable-objects/snapshots.ts",
    from: "      () => this.#done(null),",
    to: "      () => this.#done({ count: 1, received: 1e9 }),",
  },
];
