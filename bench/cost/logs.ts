/** What a call writes into the Worker's logs, where each line is billed by its bytes. */
import { unstable_readConfig } from "wrangler";
import { PROJECT } from "../../tools/relay/miniflare.ts";

/** About what Cloudflare adds to a line, and what an event that is logged by itself takes; a guess, nothing says it. */
const ENVELOPE_BYTES = 1000;
const METHODS = ["debug", "info", "log", "warn", "error"] as const;

/** Runs it, and counts what it writes to its console. */
export async function withConsole<T>(
  run: () => Promise<T>,
): Promise<{ readonly result: T; readonly bytes: number }> {
  let bytes = 0;
  const before = METHODS.map((name) => [name, console[name]] as const);
  for (const name of METHODS) {
    console[name] = (...said: unknown[]) => {
      bytes += ENVELOPE_BYTES + said.map(String).join(" ").length;
    };
  }
  try {
    return { result: await run(), bytes };
  } finally {
    for (const [name, method] of before) console[name] = method;
  }
}

/** Bytes of the lines that the platform writes for so many events, as wrangler.toml has it. */
export function invocationBytes(events: number): number {
  const { observability } = unstable_readConfig(
    { config: `${PROJECT}wrangler.toml` },
    { hideWarnings: true },
  );
  const logged = observability?.enabled === true && observability.logs?.invocation_logs !== false;
  return logged ? events * ENVELOPE_BYTES : 0;
}
