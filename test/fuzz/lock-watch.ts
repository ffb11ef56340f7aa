/** What is locked in a session stays as it was. */
import type { Json, JsonObject } from "../../src/protocol/json.ts";
import { objectOf } from "../oracle/fields.ts";
import { Violation } from "./checks.ts";

export class LockWatch {
  readonly #fields: readonly string[];
  readonly #before = new Map<string, string>();

  /** @param fields by path, as a session's locks name them. */
  constructor(fields: readonly string[]) {
    this.#fields = fields.filter((field) => field !== "unknown");
  }

  /** A session as its client is shown it. @throws Violation */
  shown(session: JsonObject): void {
    for (const field of this.#fields) {
      const value = field.split(".").reduce<Json | undefined>((of, key) => objectOf(of)[key], session);
      const now = JSON.stringify(value ?? null);
      const before = this.#before.get(field) ?? now;
      this.#before.set(field, before);
      if (before !== now) throw new Violation("locked", `${field} was ${before} and is ${now}`);
    }
  }
}
