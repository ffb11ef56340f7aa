/** The schema of relay.config.ts. Checked once, when the Worker starts: a wrong file never serves a request. */
import * as v from "valibot";
import { doorSettings } from "../dialects/index.ts";
import { backgroundFields } from "./background.ts";
import { codecFields, faultOfCodecs } from "./codecs.ts";
import { isRunOrDialled, part, RUN, single } from "./dialled.ts";
import { JURISDICTIONS } from "./jurisdictions.ts";
import { adapterNames } from "../upstreams/index.ts";
import { STORAGE_MODES } from "../session/state/plan.ts";
import { lockedFields, toolTypes } from "./locks.ts";
import { experiment, faultOfExperiments, isExperiment, type Experiment } from "./experiments.ts";
import { faultOfOrigin } from "./origins.ts";
import { guardFields } from "./guard.ts";
import { binding, header } from "./named.ts";
import { sessionDefaults } from "./sessions.ts";
import { addFault, planFields, planFits } from "./plans.ts";
import { priceTable } from "./prices.ts";
import { backchannelFields, faultOfPlayed, fillerFields, soundFields } from "./sounds.ts";
import { speechFields } from "./speech.ts";
import { faultOfHosts, toolFields, toolHosts } from "./tools.ts";

/** Length of a route's or upstream's name: they go into metrics, tokens and the object's state. */
const NAME = /^[\w.:+/-]{1,64}$/;
/** `Limits.upstreams` of the session: every upstream multiplies every frame. */
const MOST_UPSTREAMS = 4;

const name = v.pipe(v.string(), v.regex(NAME, "a name is 1 to 64 letters, digits or any of . _ : + / -"));
/** Characters of an upstream's own instructions: they go to it with each change of the session's. */
const MOST_INSTRUCTIONS = 16_384;

const target = {
  ...single,
  adapter: v.pipe(
    v.string(),
    v.check((one) => adapterNames.includes(one), `expected one of ${adapterNames.join(", ")}`),
  ),
  /** The voice that it speaks with, whatever a client asks for, by its provider's name: of several each has its own. */
  voice: v.optional(v.pipe(v.string(), v.nonEmpty())),
  /** What it is told before the session's instructions: who it is among several. */
  instructions: v.optional(v.pipe(v.string(), v.nonEmpty(), v.maxLength(MOST_INSTRUCTIONS))),
  /** What it asks for, where the relay is to count it in money (docs/cost.md). */
  price: v.optional(priceTable),
  /** Of `adapter: "cascade"`, which is made of others: what each of them is. */
  parts: v.optional(v.strictObject({ transcriber: part, text: part, speech: part })),
};

interface Made {
  readonly adapter: string;
  readonly parts?: object | undefined;
}
/** A cascade has parts, and nothing else has. */
const isWhole = ({ adapter, parts }: Made): boolean => (adapter === "cascade") === (parts !== undefined);
const PARTS = "'parts' (transcriber, text, speech) belong to adapter 'cascade', and it needs them";

const upstream = v.pipe(
  v.strictObject({
    /** Unique in its route; shown to `duplex.v1` clients and in metrics. */
    name,
    ...target,
    /**
     * `shadow`: it hears all and is asked for every answer, and nobody hears it: what it would have done is measured
     * (docs/plans.md). Default: it speaks.
     */
    role: v.optional(v.picklist(["speaker", "shadow"])),
    /** Keep a connection to the first fallback ready, so that it takes over at once: twice the open connections. */
    standby: v.optional(v.boolean()),
    /** Milliseconds after which a connection is changed for a new one, at a gap. Default: before the provider's cap. */
    rolloverMs: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1000))),
    /** Where to turn, in order, when this one fails or falls silent: they get the conversation and the open turn. */
    fallback: v.optional(
      v.pipe(
        v.array(
          v.pipe(
            v.strictObject(target),
            v.check((one) => isWhole(one), PARTS),
            v.check((one) => isRunOrDialled(one), RUN),
          ),
        ),
        v.maxLength(4, "at most four fallbacks"),
      ),
    ),
  }),
  v.check((one) => isWhole(one), PARTS),
  v.check((one) => isRunOrDialled(one), RUN),
);

/** A remote model that says whether a silence ends the turn. Asked under `semantic_vad` only. */
const endOfTurn = v.variant("adapter", [
  /** Workers AI, `@cf/pipecat-ai/smart-turn-v2` or one with its interface. `binding`: `AI` by default. */
  v.strictObject({
    adapter: v.literal("workers-ai"),
    model: v.pipe(v.string(), v.nonEmpty()),
    binding: v.optional(binding),
  }),
  /** POST of a WAV file; the answer is JSON with `probability`, 0 to 1. */
  v.strictObject({
    adapter: v.literal("http"),
    url: v.union([v.pipe(v.string(), v.url()), v.strictObject({ env: binding })]),
    headers: v.optional(v.record(v.string(), header)),
  }),
]);

const route = v.pipe(
  v.strictObject({
    /** What it is, in a sentence or two, for whoever chooses: `GET /v1/models` and the page show it. */
    description: v.optional(v.pipe(v.string(), v.nonEmpty(), v.maxLength(500))),
    /** What to say to it, for whoever tries it out. */
    examples: v.optional(v.pipe(v.array(v.pipe(v.string(), v.nonEmpty(), v.maxLength(200))), v.maxLength(6))),
    upstreams: v.pipe(
      v.array(upstream),
      v.minLength(1, "a route needs an upstream"),
      v.maxLength(MOST_UPSTREAMS, `a route has at most ${MOST_UPSTREAMS} upstreams`),
      v.check(
        (list) => new Set(list.map((each) => each.name)).size === list.length,
        "upstream names must differ",
      ),
    ),
    ...planFields,
    /** Defaults in the shape of OpenAI's session object; a client's `session.update` is merged over them. */
    session: v.optional(sessionDefaults),
    /**
     * Fields of the session that are what `session` says, whoever asks: `["instructions", "tools", "prompt"]`, a path
     * (`"audio.input.turn_detection.idle_timeout_ms"`), or `"unknown"` for members that this relay only hands on.
     */
    locked: v.optional(lockedFields),
    /**
     * Kinds of tools that sessions of this route may be given: `["function", "mcp"]`. Default: any, by API key; clients that
     * come with a client secret or a session's token bring functions only.
     */
    toolTypes: v.optional(toolTypes),
    detector: v.optional(v.picklist(["auto", "energy"])),
    /**
     * Hears the caller always and answers never: its transcripts are the words of the caller's turns, and evidence for
     * interruptions and ends of turns. A transcription session with turn detection of its own (`settings: { turns: "server" }`).
     */
    transcriber: v.optional(upstream),
    endOfTurn: v.optional(endOfTurn),
    ...guardFields,
    ...toolFields,
    ...backgroundFields,
    ...fillerFields,
    ...backchannelFields,
    ...speechFields,
    /** `false`: under `semantic_vad` pauses and words alone decide, and no network hears how the voice ended. */
    cadence: v.optional(v.boolean()),
    /**
     * What is stored of a session while it lasts: `audio` (the default), everything; `text`, no sample of either side: what
     * only sound knew is lost with the object; `none`, nothing of it: it ends with the object (docs/privacy.md).
     */
    storage: v.optional(v.picklist(STORAGE_MODES)),
    /**
     * What is stored of a session is sealed with a key that only its object and its `duplex.v1` client have; of others nothing
     * is stored, as with `none` (docs/privacy.md).
     */
    sealed: v.optional(v.boolean()),
    /** Where its sessions lie, and what is stored of them, through whatever door they come (docs/privacy.md). */
    jurisdiction: v.optional(v.picklist(JURISDICTIONS)),
    /** Nobody said anything for so many milliseconds: upstreams are hung up until someone does. Default 120,000; 0: never. */
    parkAfterMs: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
    /** The longest session in minutes, whatever its provider's cap. Default 240. */
    sessionMinutes: v.optional(v.pipe(v.number(), v.minValue(1), v.maxValue(24 * 60))),
  }),
  v.check(
    ({ sealed, storage }) => sealed !== true || storage !== "none",
    "with storage 'none' there is nothing to seal",
  ),
  v.rawCheck((context) => planFits(context)),
);

/** In their order. */
export function defaultRoutes(given: string | readonly string[] | undefined): readonly string[] {
  if (given === undefined) return [];
  return typeof given === "string" ? [given] : given;
}

const count = v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)));

const relayConfig = v.pipe(
  v.strictObject({
    /** Model name → plan, or an experiment: `{ experiment: { arms: [{ route: "a", weight: 90 }, …] } }` (docs/plans.md). */
    routes: v.pipe(
      v.record(
        name,
        v.lazy((given): typeof route | typeof experiment => (isExperiment(given) ? experiment : route)),
      ),
      v.check((routes) => Object.keys(routes).length > 0, "there must be a route"),
    ),
    /**
     * Takes every model string that is no route's name: of several the first that is offered. Without it such a model is
     * refused.
     */
    defaultRoute: v.optional(
      v.union([v.string(), v.pipe(v.array(v.string()), v.minLength(1, "a list of routes has one or more"))]),
    ),
    /**
     * Origins besides the relay's own that may call it from a browser or a web view: of any scheme, `https://*.example.com`
     * for all hosts below one, `"null"` for pages without an origin (a sandboxed frame, a file), `"*"` for any.
     */
    allowedOrigins: v.optional(
      v.array(
        v.pipe(
          v.string(),
          v.check(
            (origin) => faultOfOrigin(origin) === null,
            ({ input }) => faultOfOrigin(input) ?? "",
          ),
        ),
      ),
    ),
    ...codecFields,
    /** Hosts that tools of routes may be posted to (docs/tools.md). */
    toolHosts,
    /** Short sounds by name, for `fillers` and for `relay.say` (docs/sounds.md). */
    ...soundFields,
    /** Of doors that client dialects have of their own. */
    ...doorSettings,
    limits: v.optional(
      v.strictObject({
        /** Sessions one API key may start per minute, for keys that bring no limit of their own. */
        sessionsPerMinute: count,
        /** Sessions one API key may hold at once, likewise. */
        concurrent: count,
        /** Answers that all sessions of one API key ask for in a minute, and those of one session. */
        answersPerMinute: count,
        sessionAnswersPerMinute: count,
        /** Minutes in which sessions of one API key are connected to a provider, added up, in a day (UTC). */
        minutesPerDay: count,
        /** The longest session of one API key, where that is less than its route's. */
        sessionMinutes: count,
        /** Sessions that one client secret opens in all. */
        sessionsPerSecret: count,
      }),
    ),
  }),
  v.check(
    ({ routes, defaultRoute }) => defaultRoutes(defaultRoute).every((one) => Object.hasOwn(routes, one)),
    "defaultRoute names no route",
  ),
  v.transform(({ routes: named, ...rest }) => {
    const routes: Record<string, v.InferOutput<typeof route>> = {};
    const experiments: Record<string, Experiment> = {};
    for (const [key, one] of Object.entries(named)) {
      if ("experiment" in one) experiments[key] = one.experiment;
      else routes[key] = one;
    }
    return { routes, ...(Object.keys(experiments).length > 0 && { experiments }), ...rest };
  }),
  v.rawCheck((context) => {
    if (!context.dataset.typed) return;
    const { value } = context.dataset;
    const fault =
      faultOfHosts(value) ?? faultOfPlayed(value) ?? faultOfExperiments(value) ?? faultOfCodecs(value);
    addFault(context, value, fault);
  }),
);

export type RelayConfig = v.InferOutput<typeof relayConfig>;
export type RelayConfigInput = v.InferInput<typeof relayConfig>;
export type RouteConfig = RelayConfig["routes"][string];
export type UpstreamConfigEntry = RouteConfig["upstreams"][number];

class RelayConfigError extends Error {
  override readonly name = "RelayConfigError";
}

/** @throws RelayConfigError naming the field of relay.config.ts that is wrong. */
export function defineRelay(config: RelayConfigInput): RelayConfig {
  const result = v.safeParse(relayConfig, config, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  throw new RelayConfigError(`relay.config.ts${path === null ? "" : `: ${path}`}: ${faultIn(issue)}`);
}

/** Without the value: it may be a secret that was written where its binding belongs. */
function faultIn(issue: v.BaseIssue<unknown>): string {
  if (issue.received === "undefined") return "it is missing";
  if (issue.kind === "schema" && issue.expected === "never") return "there is no such field";
  return issue.kind === "schema" && issue.message.includes("eceived ")
    ? `expected ${issue.expected ?? "something else"}`
    : issue.message.replace(/: Received .*$/s, "");
}
