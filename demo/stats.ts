/** Counters of one demo server, shown at `GET /stats` and read by tests. */
export class Stats {
  connections_open = 0;
  connections_total = 0;
  connections_refused = 0;
  /** User audio turns committed. */
  turns = 0;
  responses = 0;
  cancelled = 0;
  truncated = 0;
  /** Samples appended, at each connection's own input rate. */
  input_samples = 0;
  output_samples = 0;
  /** `error` events sent. */
  errors = 0;

  /** Never exhausted: this provider has no limits to hit. */
  rateLimits(): readonly Record<string, unknown>[] {
    return [
      { name: "requests", limit: 10_000, remaining: 9_999, reset_seconds: 0 },
      { name: "tokens", limit: 1_000_000, remaining: 999_000, reset_seconds: 0 },
    ];
  }
}
