/** What a hostile peer has seen of a call, so that it can name things that are there. */
const KEPT = 24;

export class Known {
  readonly items: string[] = [];
  readonly responses: string[] = [];
  readonly calls: string[] = [];
  readonly tokens: string[] = [];
  /** Events of the client's own, by name. */
  readonly events: string[] = [];
  /** Number of the last server message, and of the last of the client's own. */
  received = 0;
  said = 0;

  note(list: string[], name: unknown): void {
    if (typeof name !== "string" || list.includes(name)) return;
    list.push(name);
    if (list.length > KEPT) list.shift();
  }

  all(): readonly string[] {
    return [...this.items, ...this.responses, ...this.calls, ...this.events, ...this.tokens];
  }
}
