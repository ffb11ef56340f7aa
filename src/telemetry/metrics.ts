/**
 * Every counter of a session, in one table: static names, numbers, nothing personal. They are summed in the session's
 * object and seen in `GET /v1/sessions/:id`; with the binding METRICS they also go to Analytics Engine.
 */
export type MetricKind = "count" | "gauge";

/** `gauge` keeps the highest value, the others the sum. */
export const METRICS = {
  buffered_bytes: { kind: "gauge", help: "Most bytes that waited for one peer's network." },
  client_congested: { kind: "count", help: "Times answers waited because a client did not read." },
  client_errors: { kind: "count", help: "Client messages that were answered with an error event." },
  client_connections: { kind: "count", help: "Client sockets that were accepted." },
  clients_dead: { kind: "count", help: "Connections closed because nothing was heard for five seconds." },
  clients_cut: { kind: "count", help: "Objects ended because a client went on after its close." },
  clients_flooding: { kind: "count", help: "Connections closed because what was refused went on." },
  clients_stuck: { kind: "count", help: "Connections closed because what was sent was not read." },
  detector_fallbacks: { kind: "count", help: "Connections whose speech the energy detector decides." },
  duplicates_dropped: {
    kind: "count",
    help: "Client messages that were taken before, sent again after a resume.",
  },
  eager_asked: { kind: "count", help: "Answers asked for in advance, at a first short silence." },
  eager_discarded: { kind: "count", help: "Of these, thrown away because the caller went on." },
  eager_released: { kind: "count", help: "Of these, heard." },
  interruptions: { kind: "count", help: "Answers cut because the caller spoke." },
  internal_errors: { kind: "count", help: "Faults of ours that did not end the call." },
  lane_overflow: { kind: "count", help: "Audio let pass early because too much of it waited." },
  lane_refused: {
    kind: "count",
    help: "Pieces of audio not kept because nobody listened and too much waited.",
  },
  overlap_answer: { kind: "count", help: "Dismissed words that were a turn when the agent ended." },
  overlap_background: { kind: "count", help: "Sounds over an agent that were someone in the background." },
  overlap_backchannel: { kind: "count", help: "Sounds over an agent that were backchannels." },
  overlap_duck: { kind: "count", help: "Times an agent went on quieter while a sound was judged." },
  overlap_echo: { kind: "count", help: "Sounds over an agent that were its echo." },
  overlap_hold: { kind: "count", help: "Times an agent was held while a sound was judged." },
  overlap_interrupt: { kind: "count", help: "Sounds over an agent that were interruptions." },
  overlap_noise: { kind: "count", help: "Sounds over an agent that were noise." },
  events_of_unknown_items: {
    kind: "count",
    help: "Provider events dropped because the item that they are about was never told.",
  },
  response_timeouts: { kind: "count", help: "Responses given up because the upstream fell silent." },
  responses_asked_again: { kind: "count", help: "Answers asked for again because their upstream was lost." },
  responses_cancelled: { kind: "count", help: "Responses that were cancelled." },
  responses_completed: { kind: "count", help: "Responses that ended by themselves." },
  responses_continued: { kind: "count", help: "Answers that broke off and were to be continued." },
  responses_failed: { kind: "count", help: "Responses that failed." },
  responses_failed_over: {
    kind: "count",
    help: "Answers that a provider failed and another one was asked for.",
  },
  responses_incomplete: { kind: "count", help: "Responses that hit a limit." },
  resumes_partial: { kind: "count", help: "Resumed connections that missed something." },
  resumes_whole: { kind: "count", help: "Resumed connections that missed nothing." },
  session_failures: { kind: "count", help: "Sessions closed by an exception of ours." },
  snapshot_failures: { kind: "count", help: "Snapshots that could not be stored." },
  speech_started: { kind: "count", help: "Speech onsets." },
  turns_unheard: { kind: "count", help: "Turns ended by the clock because the client sent nothing more." },
  upstream_dials: { kind: "count", help: "Upstream connections attempted." },
  upstream_errors: { kind: "count", help: "Errors that upstreams reported." },
  upstream_expiring_ms: { kind: "gauge", help: "Longest notice an upstream gave before closing." },
  upstream_lost: { kind: "count", help: "Upstream connections that broke or never opened." },
} as const satisfies Record<string, { readonly kind: MetricKind; readonly help: string }>;

export type MetricName = keyof typeof METRICS;

function isMetricName(name: string): name is MetricName {
  return Object.hasOwn(METRICS, name);
}

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

  /** A name that is not in the table counts as `other`: a core newer than the table loses no sum. */
  add(name: string, value: number, upstream = ""): void {
    const known = isMetricName(name) ? name : "other";
    const key = `${known} ${upstream}`;
    const series = this.#series.get(key);
    if (series === undefined) {
      if (this.#series.size >= SERIES_LIMIT) return;
      const gauge = isMetricName(name) && METRICS[name].kind === "gauge";
      this.#series.set(key, { name: known, upstream, gauge, total: value, pending: value });
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
