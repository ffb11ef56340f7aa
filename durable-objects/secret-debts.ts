/**
 * What the sessions of one client secret have had of their budgets, in this isolate: whoever has the secret begins another
 * session with what is left, not with all there is. A visitor who talks owes nothing, so that visitors who were given the
 * same secret do not feel each other.
 */
import type { Debts } from "../src/session/session.ts";

interface Debtor {
  readonly debts: Debts;
  owe(debts: Debts): void;
}

interface Account {
  /** Of sessions that are over. */
  left: Debts;
  /** A session that is forgotten without an end owes no more. */
  readonly live: Set<WeakRef<Debtor>>;
}

const NOTHING: Debts = { audio: 0, refusals: 0, work: 0 };
/** Secrets that are remembered, the latest ones. */
const MOST = 10_000;

export class SecretDebts {
  /** By `jti`; the one that was asked for last is last. */
  readonly #accounts = new Map<string, Account>();

  /** A session begins. @param secret null: no client secret began it. */
  begin(secret: string | null, session: Debtor): void {
    if (secret === null) return;
    const account = this.#accounts.get(secret) ?? { left: NOTHING, live: new Set() };
    session.owe(this.#allOf(account));
    account.live.add(new WeakRef(session));
    this.#accounts.delete(secret);
    this.#accounts.set(secret, account);
    const [oldest] = this.#accounts.keys();
    if (this.#accounts.size > MOST && oldest !== undefined) this.#accounts.delete(oldest);
  }

  /** It is over. */
  end(secret: string | null, session: Debtor | undefined): void {
    const account = secret === null ? undefined : this.#accounts.get(secret);
    if (account === undefined || session === undefined) return;
    account.left = more(account.left, session.debts);
    for (const each of account.live) if (each.deref() === session) account.live.delete(each);
  }

  #allOf(account: Account): Debts {
    let all = account.left;
    for (const each of account.live) {
      const session = each.deref();
      if (session === undefined) account.live.delete(each);
      else all = more(all, session.debts);
    }
    return all;
  }
}

function more(one: Debts, other: Debts): Debts {
  return {
    audio: Math.max(one.audio, other.audio),
    refusals: Math.max(one.refusals, other.refusals),
    work: Math.max(one.work, other.work),
  };
}

export const isolateDebts = new SecretDebts();
