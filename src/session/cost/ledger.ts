/** What was used, by upstream, by which of its candidates, and for what. */
import type { OwnRole } from "./meter.ts";
import { add, moneyOf, ratesOf, UNITS, type Unit, type Units } from "./price.ts";
import type { Price } from "../state/price.ts";

/**
 * `heard`, `unheard`: of answers that the client was told of, and that it never was. `line`: of being there. `own`: of what the
 * relay itself asked for.
 */
export type Kind = "heard" | "unheard" | "line" | "transcript" | "own";
export type Role = "speaker" | "shadow" | "transcriber" | OwnRole;

/** An upstream as it is paid. */
export interface Account {
  readonly name: string;
  readonly role: Role;
  /** Of each of its candidates; null: it has none. */
  readonly prices: readonly (Price | null)[];
}

interface Line {
  readonly link: number;
  readonly candidate: number;
  readonly kind: Kind;
  /** In all, and of these what was told. */
  readonly units: Units;
  readonly told: Units;
}

/** What one upstream used for one thing. */
export interface Sum {
  readonly upstream: string;
  readonly role: Role;
  readonly kind: Kind;
  readonly units: Units;
  /** Null: none of it has a price. */
  readonly money: number | null;
}

export class Ledger {
  readonly #accounts: readonly Account[];
  readonly #rates;
  readonly #lines = new Map<string, Line>();

  constructor(accounts: readonly Account[]) {
    this.#accounts = accounts;
    this.#rates = accounts.map(({ prices }) => prices.map((price) => price && ratesOf(price)));
  }

  enter(link: number, candidate: number, kind: Kind, units: Units): void {
    const key = `${link}.${candidate}.${kind}`;
    let line = this.#lines.get(key);
    if (line === undefined) {
      line = { link, candidate, kind, units: {}, told: {} };
      this.#lines.set(key, line);
    }
    add(line.units, units);
  }

  /** What was not told yet; it is, from now on. */
  takeUntold(): readonly Sum[] {
    const sums = this.#sums(untold);
    for (const { units, told } of this.#lines.values()) Object.assign(told, units);
    return sums;
  }

  get whole(): readonly Sum[] {
    return this.#sums(({ units }) => units);
  }

  #sums(unitsOf: (line: Line) => Units): readonly Sum[] {
    const sums = new Map<string, Sum>();
    for (const line of this.#lines.values()) {
      const account = this.#accounts[line.link];
      const units = unitsOf(line);
      if (account === undefined || UNITS.every((unit) => (units[unit] ?? 0) === 0)) continue;
      const key = `${line.link}.${line.kind}`;
      const before = sums.get(key);
      const all = { ...before?.units };
      add(all, units);
      const rates = this.#rates[line.link]?.[line.candidate] ?? null;
      const more = rates && moneyOf(units, rates);
      const money = more === null ? (before?.money ?? null) : (before?.money ?? 0) + more;
      sums.set(key, { upstream: account.name, role: account.role, kind: line.kind, units: all, money });
    }
    return [...sums.values()];
  }

  snapshot(): LedgerSnapshot {
    return [...this.#lines.values()].map(({ units, told, ...line }) => {
      return { ...line, units: { ...units }, told: { ...told } };
    });
  }

  restore(lines: LedgerSnapshot): void {
    this.#lines.clear();
    for (const { units, told, ...line } of lines) {
      const key = `${line.link}.${line.candidate}.${line.kind}`;
      this.#lines.set(key, { ...line, units: { ...units }, told: { ...told } });
    }
  }
}

function untold({ units, told }: Line): Units {
  const left = UNITS.map((unit): [Unit, number] => [unit, (units[unit] ?? 0) - (told[unit] ?? 0)]);
  return Object.fromEntries(left.filter(([, count]) => count !== 0));
}

export type LedgerSnapshot = readonly Line[];
