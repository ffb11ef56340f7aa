/** A provider's connection is lost, and what the next one hears of the caller. */
import { expect } from "vitest";
import type { Call } from "./call.ts";

/** The first connection of the first upstream breaks off. */
export function lose(call: Call): void {
  call.open.delete("up0.1");
  call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
}

/** The next one has heard all of `said`, and nothing of `former`. */
export function expectNextHeard(call: Call, said: Int16Array, former: Int16Array): void {
  const heard = Buffer.from(call.heard("up0.2")).toString("hex");
  const hex = (samples: Int16Array) => Buffer.from(samples.slice().buffer).toString("hex");
  expect(heard).toContain(hex(said));
  expect(heard).not.toContain(hex(former));
}
