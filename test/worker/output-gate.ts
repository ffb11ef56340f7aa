/**
 * The output gate as it is on the platform, for objects in the test's workerd, where a write is durable at once: a
 * confirmed write takes 50 ms, and whatever leaves the object meanwhile waits for it. Needs fake timers.
 */
import { vi } from "vitest";
import { inObject } from "./object.ts";

const COMMIT_MS = 50;
/** A first or earlier alarm is set with another service before the commit. */
const ALARM_MS = 50;

/** When what was written down would leave, in milliseconds after `watch`. */
export interface Departure {
  readonly what: string;
  readonly at: number;
}

export interface OutputGate {
  readonly departures: readonly Departure[];
  /** Confirmed writes since the beginning, by method. */
  readonly confirmed: readonly string[];
}

/** Watches `fetch` and every socket's `send`, and the storage of this session's object. Undone by `vi.restoreAllMocks`. */
export async function watchGate(id: string): Promise<OutputGate> {
  const began = Date.now();
  let openAt = began;
  let durableAt = began;
  const departures: Departure[] = [];
  const confirmed: string[] = [];
  const leaves = (what: string): void => {
    departures.push({ what, at: Math.max(Date.now(), openAt) - began });
  };
  const writes = (name: string, args: readonly unknown[], ms: number): void => {
    durableAt = Date.now() + ms;
    const unconfirmed = args.some(
      (each) =>
        typeof each === "object" && each !== null && "allowUnconfirmed" in each && each.allowUnconfirmed,
    );
    if (unconfirmed) return;
    confirmed.push(name);
    openAt = durableAt;
  };
  const { fetch } = globalThis;
  vi.stubGlobal("fetch", (...args: Parameters<typeof fetch>) => {
    leaves("dial");
    return fetch(...args);
  });
  const send: unknown = Reflect.get(WebSocket.prototype, "send");
  if (typeof send !== "function") throw new Error("sockets do not send");
  vi.spyOn(WebSocket.prototype, "send").mockImplementation(function (this: WebSocket, data) {
    leaves(
      typeof data === "string" ? String((JSON.parse(data) as { readonly type?: unknown }).type) : "audio",
    );
    Reflect.apply(send, this, [data]);
  });
  await inObject(id, (storage) => {
    watch(storage, ["put", "delete", "deleteAll"], (name, args) => writes(name, args, COMMIT_MS));
    watch(storage, ["setAlarm"], (name, args) => writes(name, args, COMMIT_MS + ALARM_MS));
    watch(storage.kv, ["put", "delete"], (name) => writes(`kv.${name}`, [], COMMIT_MS));
    const sync = storage.sync.bind(storage);
    storage.sync = async () => {
      const left = durableAt - Date.now();
      if (left > 0) await new Promise<void>((resolve) => void setTimeout(resolve, left));
      await sync();
    };
  });
  return { departures, confirmed };
}

function watch(
  target: object,
  names: readonly string[],
  seen: (name: string, args: unknown[]) => void,
): void {
  for (const name of names) {
    const method: unknown = Reflect.get(target, name);
    if (typeof method !== "function") throw new Error(`storage has no ${name}`);
    const watched = (...args: unknown[]): unknown => {
      seen(name, args);
      return Reflect.apply(method, target, args);
    };
    Object.defineProperty(target, name, { value: watched, configurable: true, writable: true });
  }
}
