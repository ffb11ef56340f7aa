/**
 * What `GET /metrics` shows: requests by door and status, of the isolate that answers. Isolates come and go and there
 * are many; figures over all of them are Analytics Engine's work (binding METRICS).
 */
const NAME = "relay_http_requests_total";

export class DoorCounters {
  readonly #requests = new Map<string, { readonly door: string; readonly status: number; count: number }>();

  /** @param door a route's pattern, so that the number of series is bounded. */
  count(door: string, status: number): void {
    const key = `${status} ${door}`;
    const series = this.#requests.get(key);
    if (series === undefined) this.#requests.set(key, { door, status, count: 1 });
    else series.count += 1;
  }

  /** Prometheus text format 0.0.4. */
  toText(): string {
    const lines = [`# HELP ${NAME} Requests answered by this isolate.`, `# TYPE ${NAME} counter`];
    for (const { door, status, count } of this.#requests.values()) {
      lines.push(`${NAME}{door="${door}",status="${status}"} ${count}`);
    }
    return `${lines.join("\n")}\n`;
  }
}
