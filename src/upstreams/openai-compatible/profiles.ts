/**
 * How servers of the OpenAI Realtime dialect differ, as data. A profile is a full set of quirks under a name;
 * `settings.quirks` overrides single ones. Where each value comes from: docs/upstreams.md.
 */
import type { JsonObject } from "../upstream.ts";

export interface Quirks {
  /** Where session fields live: GA nests them, the 2024 beta was flat, xAI mixes both. See `session.ts`. */
  readonly sessionShape: "ga" | "beta" | "xai";
  /** Sends `OpenAI-Beta: realtime=v1`. */
  readonly betaHeader: boolean;
  /** Which event says that audio may be sent. `session.created`: the server never answers `session.update`. */
  readonly readyOn: "session.updated" | "session.created";
  /** Keeps the `id` of created items. Without it they are matched first in, first out. */
  readonly acceptsItemIds: boolean;
  /** Longer item ids are replaced by the adapter's own. */
  readonly itemIdMaxLength: number;
  /** Repeats `response.create.response.metadata` in `response.created`. Without it: first in, first out. */
  readonly metadataEcho: boolean;
  readonly cancel: boolean;
  readonly truncate: boolean;
  readonly text: boolean;
  readonly tools: boolean;
  readonly transcription: boolean;
  readonly outOfBand: boolean;
  /** The words of an answer come no later than their sound, as far as recorded sockets show. */
  readonly wordsFirst: boolean;
  /** A new response may begin while the old one never gets its `response.done`. */
  readonly abandonsResponses: boolean;
  /** With its turn detection off it answers each commit, asked or not. See `held-commits.ts`. */
  readonly answersCommits: boolean;
  /** `…transcription.completed` comes repeatedly with a growing transcript, `status: "in_progress"` until the last. */
  readonly cumulativeTranscripts: boolean;
  readonly maxSessionMs: number | null;
  /** Sent when nothing else was for so long. */
  readonly keepalive: { readonly everyMs: number; readonly message: JsonObject } | null;
  /** Added to the URL's query unless it has them. */
  readonly query: Readonly<Record<string, string>>;
  /** Where the model is named: in the URL's query, or in the first `session.update`. */
  readonly modelIn: "query" | "session";
  /** The URL's parameter that names the connection, drawn anew for each; null: there is none. */
  readonly connectionIn: string | null;
}

const MINUTE_MS = 60_000;

const OPENAI: Quirks = {
  sessionShape: "ga",
  betaHeader: false,
  readyOn: "session.updated",
  acceptsItemIds: true,
  itemIdMaxLength: 32,
  metadataEcho: true,
  cancel: true,
  truncate: true,
  text: true,
  tools: true,
  transcription: true,
  outOfBand: true,
  wordsFirst: true,
  abandonsResponses: false,
  answersCommits: false,
  cumulativeTranscripts: false,
  maxSessionMs: 60 * MINUTE_MS,
  keepalive: null,
  query: {},
  modelIn: "query",
  connectionIn: null,
};

/** A server of which nothing is known but that it speaks the GA dialect: it may forget ids and metadata. */
const SELF_HOSTED: Quirks = {
  ...OPENAI,
  acceptsItemIds: false,
  metadataEcho: false,
  outOfBand: false,
  wordsFirst: false,
  maxSessionMs: null,
};

export const PROFILES = {
  openai: OPENAI,
  "openai-beta": { ...OPENAI, sessionShape: "beta", betaHeader: true, maxSessionMs: 30 * MINUTE_MS },
  azure: OPENAI,
  // Its recorded sockets: the beta's flat session and names of events, ids of items that are the server's own.
  "azure-voice-live": { ...SELF_HOSTED, sessionShape: "beta" },
  xai: {
    ...OPENAI,
    sessionShape: "xai",
    // It lands only when the answer is over, and not reliably then.
    truncate: false,
    outOfBand: false,
    wordsFirst: false,
    abandonsResponses: true,
    answersCommits: true,
    cumulativeTranscripts: true,
  },
  elevenlabs: { ...SELF_HOSTED },
  localai: { ...SELF_HOSTED },
  hf: { ...SELF_HOSTED },
  // On a server with a duplex model, `duplex=0` selects the turn-based handler that speaks this dialect.
  "vllm-omni": { ...SELF_HOSTED, truncate: false, query: { duplex: "0" } },
  inworld: { ...SELF_HOSTED, query: { protocol: "realtime" }, modelIn: "session", connectionIn: "key" },
  speaches: { ...SELF_HOSTED, sessionShape: "beta", truncate: false },
} as const satisfies Readonly<Record<string, Quirks>>;

export type ProfileName = keyof typeof PROFILES;
