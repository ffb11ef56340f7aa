/**
 * Every counter of a session, in one table: static names, numbers, nothing personal. What is not in it cannot be counted. They
 * are summed in the session's object (telemetry/counters.ts) and seen in `GET /v1/sessions/:id`; with the binding METRICS they
 * also go to Analytics Engine.
 */
export type MetricKind = "count" | "gauge";

/** `gauge` keeps the highest value, the others the sum. */
export const METRICS = {
  audio_lost_ms: { kind: "count", help: "Milliseconds of the caller's audio that the relay itself lost." },
  buffered_bytes: { kind: "gauge", help: "Most bytes that waited for one peer's network." },
  client_congested: { kind: "count", help: "Times answers waited because a client did not read." },
  client_connections: { kind: "count", help: "Client sockets that were accepted." },
  client_errors: { kind: "count", help: "Client messages that were answered with an error event." },
  clients_cut: { kind: "count", help: "Objects ended because a client went on after its close." },
  clients_dead: { kind: "count", help: "Connections closed because nothing was heard for five seconds." },
  clients_flooding: { kind: "count", help: "Connections closed because what was refused went on." },
  clients_stuck: { kind: "count", help: "Connections closed because what was sent was not read." },
  consult_failures: { kind: "count", help: "End-of-turn models that gave no answer." },
  consult_late: { kind: "count", help: "End-of-turn models that answered too late." },
  consult_ms: { kind: "gauge", help: "Longest answer of an end-of-turn model." },
  consult_rests: { kind: "count", help: "Times an end-of-turn model was left alone after failures." },
  consults: { kind: "count", help: "Questions put to an end-of-turn model." },
  detector_fallbacks: { kind: "count", help: "Connections whose speech the energy detector decides." },
  duplicates_dropped: {
    kind: "count",
    help: "Client messages that were taken before, sent again after a resume.",
  },
  eager_asked: { kind: "count", help: "Answers asked for in advance, at a first short silence." },
  eager_discarded: { kind: "count", help: "Of these, thrown away because the caller went on." },
  eager_given_up: { kind: "count", help: "Answers asked for in advance that did not come in time." },
  eager_released: { kind: "count", help: "Of these, heard." },
  events_of_unknown_items: {
    kind: "count",
    help: "Provider events dropped because the item that they are about was never told.",
  },
  input_dropped_ms: {
    kind: "count",
    help: "Milliseconds of the caller's audio that an upstream did not hear.",
  },
  internal_errors: { kind: "count", help: "Faults of ours that did not end the call." },
  interruptions: { kind: "count", help: "Answers cut because the caller spoke." },
  lane_overflow: { kind: "count", help: "Audio let pass early because too much of it waited." },
  lane_refused: {
    kind: "count",
    help: "Pieces of audio not kept because nobody listened and too much waited.",
  },
  overlap_answer: { kind: "count", help: "Dismissed words that were a turn when the agent ended." },
  overlap_backchannel: { kind: "count", help: "Sounds over an agent that were backchannels." },
  overlap_background: { kind: "count", help: "Sounds over an agent that were someone in the background." },
  overlap_duck: { kind: "count", help: "Times an agent went on quieter while a sound was judged." },
  overlap_echo: { kind: "count", help: "Sounds over an agent that were its echo." },
  overlap_hold: { kind: "count", help: "Times an agent was held while a sound was judged." },
  overlap_interrupt: { kind: "count", help: "Sounds over an agent that were interruptions." },
  overlap_noise: { kind: "count", help: "Sounds over an agent that were noise." },
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
  responses_silent: { kind: "count", help: "Answers that fell silent without an end." },
  resumes_partial: { kind: "count", help: "Resumed connections that missed something." },
  resumes_whole: { kind: "count", help: "Resumed connections that missed nothing." },
  rollovers: { kind: "count", help: "Upstream connections replaced before their provider's limit." },
  rollovers_begun: { kind: "count", help: "Of these, begun." },
  session_failures: { kind: "count", help: "Sessions closed by an exception of ours." },
  sessions_parked: { kind: "count", help: "Times a session hung up on its upstreams in a long silence." },
  snapshot_failures: { kind: "count", help: "Snapshots that could not be stored." },
  speech_started: { kind: "count", help: "Speech onsets." },
  transcripts_failed: { kind: "count", help: "Turns whose words could not be had." },
  turns_unanswered: { kind: "count", help: "Turns that an upstream which takes the turns did not react to." },
  turns_unheard: { kind: "count", help: "Turns ended by the clock because the client sent nothing more." },
  upstream_congested: { kind: "count", help: "Times an upstream did not read what it was sent." },
  upstream_dials: { kind: "count", help: "Upstream connections attempted." },
  upstream_errors: { kind: "count", help: "Errors that upstreams reported." },
  upstream_expiring_ms: { kind: "gauge", help: "Longest notice an upstream gave before closing." },
  upstream_lost: { kind: "count", help: "Upstream connections that broke or never opened." },
  upstream_open_ms: { kind: "count", help: "Milliseconds of open upstream connections." },
  upstream_refused: { kind: "count", help: "Commands that an upstream refused." },
} as const satisfies Record<string, { readonly kind: MetricKind; readonly help: string }>;

export type MetricName = keyof typeof METRICS;
