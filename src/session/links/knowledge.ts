/** What a connection knows of the conversation, and by which names. */
import type { Command } from "../../upstreams/upstream.ts";
import type { ConnectionSnapshot } from "./connection-snapshot.ts";
import { renamedReferences } from "./references.ts";
import { forgetOldest, remember } from "./remembered.ts";
import { isKnown } from "./replay.ts";

export class Knowledge {
  /** Upstream response keys, with the session's response ids. */
  readonly responses = new Map<string, string>();
  /** Items of before its time, with what it knows of each (see `replay.ts`). */
  readonly told = new Map<string, string>();
  /** Items that were still growing when it was told the conversation: told when they have ended. */
  readonly later = new Set<string>();
  /** It was told the conversation and hears everything as it happens. */
  live = false;
  /** Items that the upstream knows under another name. */
  readonly #names = new Map<string, string>();
  /** Items that this very connection made: only those can be truncated there. */
  readonly #own = new Set<string>();
  /** Responses that this very connection was asked for or began: only those can be cancelled there. */
  readonly #asked = new Set<string>();

  /** The upstream knows the item under another name (see `eager.ts`). */
  rename(itemId: string, upstreamId: string): void {
    this.#names.set(itemId, upstreamId);
    forgetOldest(this.#names);
  }

  renamed(command: Command): Command {
    if (this.#names.size === 0) return command;
    if (command.type === "delete" || command.type === "truncate") {
      return { ...command, itemId: this.#names.get(command.itemId) ?? command.itemId };
    }
    if (command.type === "respond")
      return { ...command, options: renamedReferences(command.options, this.#names) };
    if (command.type !== "item" || command.previousItemId === null) return command;
    return { ...command, previousItemId: this.#names.get(command.previousItemId) ?? command.previousItemId };
  }

  /** The item is none of its own from now on. @returns whether it was. */
  disown(itemId: string): boolean {
    return this.#own.delete(itemId);
  }

  /** This very connection made the item, or was the first to hear it. */
  owns(itemId: string): boolean {
    return this.#own.has(itemId);
  }

  /** What belongs to another connection is of no use to this one. */
  concerns(command: Command): boolean {
    if (command.type === "truncate") return this.owns(command.itemId);
    if (command.type === "cancel") return this.#asked.has(command.responseId);
    if (command.type !== "delete") return true;
    // What is gone is not truncated any more.
    for (const items of [this.later, this.#own]) items.delete(command.itemId);
    const told = this.told.get(command.itemId);
    this.told.delete(command.itemId);
    return told === undefined || isKnown(told);
  }

  note(command: Command): void {
    if (command.type === "respond") remember(this.#asked, command.responseId);
    else if (command.type === "named")
      remember(command.what === "item" ? this.#own : this.#asked, command.id);
  }

  snapshot() {
    return {
      responses: [...this.responses],
      told: [...this.told],
      later: [...this.later],
      live: this.live,
      names: [...this.#names],
      own: [...this.#own],
      asked: [...this.#asked],
    };
  }

  restore(snapshot: Pick<ConnectionSnapshot, keyof ReturnType<Knowledge["snapshot"]>>): void {
    for (const [key, id] of snapshot.responses) this.responses.set(key, id);
    for (const [id, known] of snapshot.told) this.told.set(id, known);
    for (const id of snapshot.later) this.later.add(id);
    this.live = snapshot.live;
    for (const [id, name] of snapshot.names) this.#names.set(id, name);
    for (const id of snapshot.own) this.#own.add(id);
    for (const id of snapshot.asked) this.#asked.add(id);
  }
}
