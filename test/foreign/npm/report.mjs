/** How a script tells `npm run foreign` what held: a line of JSON for each check. */
import { readFileSync } from "node:fs";

const need = (name) => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: run this by npm run foreign`);
  return value;
};

/** `httpUrl` and `wsUrl` have no path; `speech` is a question, s16le mono at 24 kHz. */
export const relay = {
  httpUrl: need("FOREIGN_HTTP_URL"),
  wsUrl: need("FOREIGN_WS_URL"),
  tlsUrl: need("FOREIGN_TLS_URL"),
  key: need("FOREIGN_KEY"),
  model: "demo",
  speech: readFileSync(need("FOREIGN_SPEECH")),
};

const STEP_MS = 30_000;

export function within(promise, what, ms = STEP_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Runs one check and reports it; a check that throws does not end the script. */
export async function check(name, run) {
  try {
    await within(run(), name, 2 * STEP_MS);
    console.log(JSON.stringify({ check: name, ok: true }));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    console.log(JSON.stringify({ check: name, ok: false, why: why.slice(0, 600) }));
  }
}

export function expect(holds, what) {
  if (!holds) throw new Error(what);
}

/** Events in their order; `next` goes forward and fails at an error that nobody asked for. */
export class Log {
  #events = [];
  #at = 0;
  #wake = () => {};

  push(event) {
    this.#events.push(event);
    this.#wake();
  }

  get all() {
    return this.#events;
  }

  next(matches, { errors = false } = {}) {
    const test = typeof matches === "string" ? (event) => event.type === matches : matches;
    const found = async () => {
      for (;;) {
        while (this.#at < this.#events.length) {
          const event = this.#events[this.#at++];
          if (test(event)) return event;
          if (event.type === "error" && !errors) throw new Error(JSON.stringify(event));
        }
        await new Promise((resolve) => (this.#wake = resolve));
      }
    };
    return within(found(), String(matches));
  }
}

export function pieces(bytes, size = 4800) {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
    bytes.subarray(at * size, (at + 1) * size),
  );
}
