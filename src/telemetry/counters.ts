/** The sums of a session's counters, and how they reach Analytics Engine. */
import { type MetricName, METRICS } from "../session/metrics.ts";

/** Analytics Engine takes 250 data points per invocation; a session has far fewer series than this. */
const SERIES_LIMIT = 100;

interface Series {
  readonly name: string;
  readonly upstream: string;
  readonly gauge: boolean;
  /** Since the session began, as far as this object's memory goes back. */
  total: number;
  /** Of it, what was not flushed yet. */
  pending: number;
}

export class Counters {
  readonly #series = new Map<string, Series>();

  add(name: MetricName, value: number, upstream = ""): void {
    const key = `${name} ${upstream}`;
    const series = this.#series.get(key);
    if (series === undefined) {
      if (this.#series.size >= SERIES_LIMIT) return;
      const gauge = METRICS[name].kind === "gauge";
      this.#series.set(key, { name, upstream, gauge, total: value, pending: value });
    } else {
      series.total = series.gauge ? Math.max(series.total, value) : series.total + value;
      series.pending = series.gauge ? Math.max(series.pending, value) : series.pending + value;
    }
  }

  /** Name → value, summed over upstreams (of gauges: the highest). For the session's state. */
  totals(): Record<string, number> {
    const totals: Record<string, number> = {};
    for (const { name, gauge, total } of this.#series.values()) {
      totals[name] = gauge ? Math.max(totals[name] ?? 0, total) : (totals[name] ?? 0) + total;
    }
    return totals;
  }

  /**
   * One data point per series that moved: index = id of the API key, blobs = [plan, name, upstream], doubles = [value]. So
   * an operator sees who costs what, and a busy key's points do not thin out those of others.
   */
  flush(dataset: AnalyticsEngineDataset | undefined, plan: string, keyId: string): void {
    if (dataset === undefined) return;
    for (const series of this.#series.values()) {
      if (series.pending === 0) continue;
      dataset.writeDataPoint({
        indexes: [keyId],
        blobs: [plan, series.name, series.upstream],
        doubles: [series.pending],
      });
      series.pending = 0;
    }
  }
}
