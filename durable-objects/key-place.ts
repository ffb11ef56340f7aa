/** What a session's end, and its client's floods, mean for others of its key. Where telling fails, time tells. */
import type { CallSetup } from "./call-setup.ts";
import type { RelayEnv } from "./env.ts";
import { describeFailure } from "./failure.ts";
import type { KeyLedgerRpc } from "./key-ledger-rpc.ts";

/** Who was hung up on because of floods begins no other session for so long. */
const BARRED_MS = 60_000;

/** The key may begin another session. */
export function givePlaceBack(env: RelayEnv, call: CallSetup): Promise<void> {
  return tell(env, call, "a place was not given back", (ledger) => ledger.release(`sess_${call.id}`));
}

/** Whoever has the client secret that the session began with begins no other one for a while. */
export async function barSecret(env: RelayEnv, call: CallSetup): Promise<void> {
  const { secret } = call;
  if (secret === null) return;
  const until = Date.now() + BARRED_MS;
  await tell(env, call, "a secret was not barred", (ledger) => ledger.bar(secret, until));
}

async function tell(
  { KEY_LEDGER: namespace }: RelayEnv,
  { leased, keyId }: CallSetup,
  otherwise: string,
  what: (ledger: Pick<KeyLedgerRpc, "release" | "bar">) => Promise<void>,
): Promise<void> {
  if (!leased || namespace === undefined) return;
  try {
    await what(namespace.get(namespace.idFromName(keyId)));
  } catch (error) {
    console.error(otherwise, describeFailure(error));
  }
}
