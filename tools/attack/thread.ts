/** One attack, in a thread of its own: what it costs the attacker must not delay the innocent. */
import { parentPort, workerData } from "node:worker_threads";
import type { FromThread, Order } from "./attack.ts";
import { Attacker } from "./attacker.ts";
import { ATTACKS } from "./attacks.ts";

const order = workerData as Order;

// What this file itself sent. A worker's port has no origin.
const say = (message: FromThread): void => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  parentPort?.postMessage(message);
};

try {
  const attack = ATTACKS.find(({ name }) => name === order.name);
  if (attack === undefined) throw new Error(`there is no attack ${order.name}`);
  const attacker = new Attacker(order);
  await attack.run(attacker);
  say({ type: "seen", seen: await attacker.leave() });
} catch (error) {
  say({ type: "failed", message: error instanceof Error ? error.message : String(error) });
}
