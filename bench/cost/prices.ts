/**
 * What Cloudflare asks for, Workers Paid, beyond what the plan includes, in US dollars; nothing was billed. Those with a date
 * were read on it in a copy of the page at the address; those without are as this project's notes have them: look them up.
 */
export interface Price {
  readonly what: string;
  readonly perMillion: number;
  readonly readOn: string | null;
  readonly source: string;
}

const DURABLE_OBJECTS = "https://developers.cloudflare.com/durable-objects/platform/pricing/";
const WORKERS = "https://developers.cloudflare.com/workers/platform/pricing/";
const LOGS = "https://developers.cloudflare.com/workers/observability/logs/workers-logs/";
const READ_ON = "2026-11-29";

export const PRICES = {
  /** HTTP requests, RPC sessions, alarms, and a twentieth of the incoming WebSocket messages. */
  objectRequests: {
    what: "requests to objects",
    perMillion: 0.15,
    readOn: READ_ON,
    source: DURABLE_OBJECTS,
  },
  /** Seconds in memory times 128 MB. */
  duration: { what: "GB-s of objects", perMillion: 12.5, readOn: READ_ON, source: DURABLE_OBJECTS },
  /** Values put or deleted, alarms set. */
  rowsWritten: { what: "rows written", perMillion: 1, readOn: null, source: DURABLE_OBJECTS },
  workerRequests: { what: "requests to the Worker", perMillion: 0.3, readOn: null, source: WORKERS },
  /** A million bytes, at $0.25 a GB from 2026-12-01. */
  logBytes: { what: "MB of logs", perMillion: 250, readOn: null, source: LOGS },
} as const satisfies Readonly<Record<string, Price>>;

const MESSAGES_PER_REQUEST = 20;
export const OBJECT_GB = 0.128;
/** An object stays in memory so long after the last that came. */
const LINGERS_S = 10;

/** Of one call. */
export interface Counts {
  /** Messages from the client. */
  readonly clientMessages: number;
  /** Messages from the provider: the documentation does not say whether these are billed; workerd counts them. */
  readonly providerMessages: number;
  readonly objectRequests: number;
  readonly workerRequests: number;
  readonly rowsWritten: number;
  /** Rows that the end took away with the whole database: the documentation does not say whether these are billed. */
  readonly rowsEmptied: number;
  readonly logBytes: number;
  readonly seconds: number;
}

/** US dollars of so many calls, by what they are for. */
export function bill(counts: Counts, calls: number): Readonly<Record<string, number>> {
  const of = (amount: number, { perMillion }: Price): number => (calls * amount * perMillion) / 1_000_000;
  const requests = counts.objectRequests + counts.clientMessages / MESSAGES_PER_REQUEST;
  const parts = {
    requests: of(requests, PRICES.objectRequests) + of(counts.workerRequests, PRICES.workerRequests),
    duration: of((counts.seconds + LINGERS_S) * OBJECT_GB, PRICES.duration),
    rows: of(counts.rowsWritten, PRICES.rowsWritten),
    logs: of(counts.logBytes / 1_000_000, PRICES.logBytes),
  };
  const sum = Object.values(parts).reduce((all, each) => all + each, 0);
  const provider = of(counts.providerMessages / MESSAGES_PER_REQUEST, PRICES.objectRequests);
  return {
    ...parts,
    sum,
    sum_with_provider_messages: sum + provider,
    sum_with_emptied_rows: sum + of(counts.rowsEmptied, PRICES.rowsWritten),
  };
}
