/** What a scripted server says, and whether all that a provider may say is known. */
import type { JsonObject } from "../../src/protocol/json.ts";
import type { ScriptedServer } from "../upstreams/connection.ts";

/** A server whose every message is kept. */
export function listening(server: ScriptedServer) {
  const said: JsonObject[] = [];
  const keep = (messages: readonly (string | Uint8Array)[]) => {
    for (const message of messages) if (typeof message === "string") said.push(JSON.parse(message));
    return messages;
  };
  const wrapped: ScriptedServer = {
    opened: () => keep(server.opened()),
    receive: (message) => keep(server.receive(message)),
  };
  return { wrapped, said, keep };
}

/** Complains of each of their names that is neither heard nor named. */
export function unheard(theirs: string, known: readonly string[]): string {
  const names = known.map((name) => JSON.stringify(name)).join(" | ");
  return `const none: Exclude<${theirs}, ${names}> extends infer T ? ([T] extends [never] ? null : T) : never = null;\nvoid none;`;
}
