/** A session's object from the inside: its storage, its timers, its end. */
import { type DurableObjectEvictionOptions, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import { sessionObject } from "../../src/http/object.ts";
import { bearer, call } from "./doors.ts";

export function objectOf(id: string) {
  return sessionObject(env, id, null);
}

/** Runs in the object's own context: sockets belong to the one that opened them. */
export function inObject<T>(id: string, run: (storage: DurableObjectStorage) => T | Promise<T>): Promise<T> {
  return runInDurableObject(objectOf(id), (_, state) => run(state.storage));
}

export function keysOf(id: string): Promise<string[]> {
  return inObject(id, (storage) => Array.from(storage.kv.list(), ([key]) => key));
}

export async function stateOf(id: string, headers = bearer()): Promise<Record<string, unknown>> {
  return (await call(`/v1/sessions/${id}`, { headers })).json();
}

/** Lets the object's (fake) timers run, its writes reach the disk, and the object hear of that. */
export function pass(id: string, ms: number): Promise<void> {
  return inObject(id, async (storage) => {
    await vi.advanceTimersByTimeAsync(ms);
    await storage.sync();
    await storage.getAlarm();
    await vi.advanceTimersByTimeAsync(0);
  });
}

/** The object leaves memory, and its timers with it: those that the tests hold would ring in its successor. */
export async function evict(id: string, options?: DurableObjectEvictionOptions): Promise<void> {
  await evictDurableObject(objectOf(id), options);
  if (!vi.isFakeTimers()) return;
  const now = Date.now();
  vi.clearAllTimers();
  // That begins the clock anew.
  vi.setSystemTime(now);
}
