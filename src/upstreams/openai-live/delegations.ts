/**
 * Tasks that the model hands on. One for the client is a call without arguments of its own: the provider says that there is a task,
 * and not which. One of the model behind (`responses`) is a function of the session's, with its arguments.
 */
import { nameAt, objectAt, remember, textAt } from "../json.ts";
import type { Item, JsonObject } from "../upstream.ts";
import { appends } from "./appends.ts";

const MAX_CALLS = 256;
const NO_RESULT = "The application gave no result.";

type Owner = "client" | "responses";

export interface Called {
  readonly id: string;
  readonly name: string;
  readonly args: string;
}

export type DelegationsState = readonly (readonly [id: string, owner: Owner])[];

export class Delegations {
  /** Calls that wait for their results. */
  readonly #calls = new Map<string, Owner>();

  /** `session.delegation.created`; null: it is nobody's here. */
  created(event: JsonObject, name: string, said: string): Called | null {
    const delegation = objectAt(event, "delegation");
    const id = nameAt(delegation, "id");
    if (id === null || textAt(delegation, "target") !== "client") return null;
    remember(this.#calls, id, "client", MAX_CALLS);
    return { id, name, args: JSON.stringify({ request: said }) };
  }

  /** An event of the model behind; null: it calls nothing. */
  behind(event: JsonObject | null): Called | null {
    const item = textAt(event, "type") === "response.output_item.done" ? objectAt(event, "item") : null;
    const [id, name] = [nameAt(item, "call_id"), nameAt(item, "name")];
    if (textAt(item, "type") !== "function_call" || id === null || name === null) return null;
    remember(this.#calls, id, "responses", MAX_CALLS);
    return { id, name, args: textAt(item, "arguments") ?? "" };
  }

  /** The result of one of them, as it is told; null: it is none. `long`: too long to be told. */
  returned(item: Item): readonly JsonObject[] | "long" | null {
    const id = item.type === "function_call_output" ? nameAt(item, "call_id") : null;
    const owner = id === null ? undefined : this.#calls.get(id);
    if (id === null || owner === undefined) return null;
    const output = textAt(item, "output") || NO_RESULT;
    if (owner === "client") {
      const told = appends("commentary", output, id);
      if (told === null) return "long";
      this.#calls.delete(id);
      return told;
    }
    this.#calls.delete(id);
    const result = { type: "function_call_output", call_id: id, output };
    // It goes on when it has all that it waits for.
    const goesOn = ![...this.#calls.values()].includes("responses");
    return [{ type: "response.item.create", item: result }, ...(goesOn ? [{ type: "response.create" }] : [])];
  }

  snapshot(): DelegationsState {
    return [...this.#calls];
  }

  restore(state: DelegationsState): void {
    this.#calls.clear();
    for (const [id, owner] of state) this.#calls.set(id, owner);
  }
}
