/**
 * Refusals that wait. Who is refused again and again costs a billed request and its work each time, and asks as fast as it is
 * answered: beyond a burst the answer comes later, not sooner than its turn, and an attacker with so many connections asks
 * that much less. Waiting costs no CPU. Nobody whose request is good is ever held back, wherever it comes from, and who is
 * refused in good faith has the same answer, a second later at the most.
 *
 * Counted for whoever is known best: a session that a client comes back to, a client secret or token, an API key; who has
 * shown none of these by the network of its address.
 */
import type { ApiKey } from "./api-keys.ts";
import { addressOf, type DoorContext } from "./door.ts";
import { networkOf, TokenBuckets } from "./rate.ts";

/** Refusals that one has at once, and a second beyond them. A network may have hundreds of users whose tokens ran out. */
const AT_ONCE = 40;
const PER_SECOND = 10;
/** No refusal waits for longer. */
const LONGEST_MS = 1000;
/** That an isolate holds in a second: each keeps some memory. Beyond it the answer is given at once. */
const HELD_PER_SECOND = 1000;

const refusals = new TokenBuckets();
const held = new TokenBuckets();

/**
 * Who it is, for its refusals, from now on: the credential was good.
 * @param key whose it is: of one without a limit of sessions a minute none are held back.
 */
export function knownAs(c: DoorContext, who: string, key: Pick<ApiKey, "limits"> | null): void {
  c.set("caller", key?.limits.sessionsPerMinute === Number.POSITIVE_INFINITY ? "" : who);
}

/** The answer is one, though its status is 101. */
export function isRefusal(c: DoorContext): void {
  c.set("refused", true);
}

/** Waits where the answer is a refusal and its caller had its share of them. */
export async function holdBack(c: DoorContext): Promise<void> {
  const { status } = c.res;
  const refused = status === 101 ? c.get("refused") === true : status >= 400 && status < 500;
  if (!refused) return;
  const waitMs = turnOf(callerOf(c), Date.now());
  if (waitMs > 0) await scheduler.wait(waitMs);
}

/** @returns the milliseconds for which this refusal of `who` is held back. Empty: nobody's are. */
function turnOf(who: string, now: number): number {
  if (who === "" || refusals.take(who, PER_SECOND * 60, now, 1, AT_ONCE) === 0) return 0;
  return held.take("", HELD_PER_SECOND * 60, now, 1, HELD_PER_SECOND) === 0 ? LONGEST_MS : 0;
}

/** A caller of whom neither a credential nor an address is known is on this machine. */
function callerOf(c: DoorContext): string {
  const address = addressOf(c);
  return c.get("caller") ?? (address === "" ? "" : `address ${networkOf(address)}`);
}
