/** The background mind of a route, as `relay.config.ts` says it: who works on what speakers hand on, and what does not fit. */
import * as v from "valibot";
import { isJsonObject, type Json } from "../protocol/json.ts";
import { textModelOf } from "../upstreams/cascade/text-model.ts";
import { type JsonObject, UpstreamOptionsError } from "../upstreams/upstream.ts";
import { isRunOrDialled, named, RUN, single } from "./dialled.ts";
import { type PriceTable, priceTable } from "./prices.ts";
import type { WithTools } from "./tools.ts";

const MOST_AT_ONCE = 8;
const MOST_STALE_MS = 600_000;
const MOST_WORDS = 16_384;
/** Where a route says nothing of them. */
export const AT_ONCE = 4;
export const STALE_MS = 60_000;
export const DELEGATE = "delegate";

/** A text model that works while the voice goes on talking (docs/background.md). */
export const backgroundFields = {
  background: v.optional(
    v.strictObject({
      /** As the part `text` of a cascade: any endpoint of OpenAI's chat completions that streams, or Workers AI. */
      text: v.pipe(
        v.strictObject({
          ...single,
          /** What it asks for (docs/cost.md). */
          price: v.optional(priceTable),
        }),
        v.check((one) => isRunOrDialled(one), RUN),
      ),
      /** How speakers call it. Default `delegate`. */
      name: v.optional(
        v.pipe(
          v.string(),
          v.regex(/^[\w-]{1,64}$/, "a tool's name is 1 to 64 letters, digits or any of _ -"),
        ),
      ),
      /** When they are to. */
      description: v.optional(v.pipe(v.string(), v.nonEmpty(), v.maxLength(4096))),
      /** What the text model is told beside the conversation and the task. */
      instructions: v.optional(v.pipe(v.string(), v.nonEmpty(), v.maxLength(MOST_WORDS))),
      /** Names of the route's `tools` that the text model may call. Default: none. */
      tools: v.optional(v.array(v.string())),
      /** `false`: the speaker knows what came of a task, and is not asked to tell it. */
      announce: v.optional(v.boolean()),
      /** Milliseconds after which a task, or what came of it, is dropped. Default 60,000. */
      staleMs: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1000), v.maxValue(MOST_STALE_MS))),
      /** Tasks under way at once in a session. Default 4. */
      atOnce: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MOST_AT_ONCE))),
    }),
  ),
};

export interface WithBackground extends WithTools {
  readonly background?:
    | {
        readonly text: {
          readonly adapter: string;
          readonly url?: unknown;
          readonly model?: string | undefined;
          readonly binding?: string | undefined;
          readonly settings?: JsonObject | undefined;
          readonly price?: PriceTable | undefined;
        };
        readonly name?: string | undefined;
        readonly tools?: readonly string[] | undefined;
      }
    | undefined;
}

interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What of a route's background mind does not fit the rest of it. */
export function faultOfBackground(route: WithBackground): Fault | null {
  const { background, tools = [], upstreams, session } = route;
  if (background === undefined) return null;
  const { name = DELEGATE, text, tools: called = [] } = background;
  const at = (...path: readonly (string | number)[]) => ["background", ...path];
  const unknown = called.findIndex((one) => !tools.some((tool) => tool.name === one));
  if (unknown >= 0)
    return { path: at("tools", unknown), message: "the route has no tool of this name ('tools')" };
  const awaited = called.findIndex((one) => tools.some((tool) => tool.name === one && tool.confirmMs));
  if (awaited >= 0)
    return {
      path: at("tools", awaited),
      message: "it has 'confirmMs', and of what a task does the caller can take nothing back",
    };
  if (tools.some((tool) => tool.name === name))
    return { path: at("name"), message: "a tool of the route has this name" };
  if (namesOf(session).includes(name))
    return { path: at("name"), message: "a function of 'session.tools' has this name" };
  const fault = faultOfText(text);
  if (fault !== null) return { path: at("text"), message: fault };
  for (const [index, { fallback = [], ...own }] of upstreams.entries()) {
    for (const [number, one] of [own, ...fallback].entries()) {
      const path = ["upstreams", index, ...(number === 0 ? [] : ["fallback", number - 1])];
      if (one.adapter === "echo") return { path: [...path, "adapter"], message: "'echo' hands nothing on" };
      if (one.settings?.["tools"] === false)
        return {
          path: [...path, "settings", "tools"],
          message: "it is to hand tasks on, and calls no tools",
        };
      if (one.adapter === "openai-live" && (one.settings?.["tool"] ?? DELEGATE) !== name)
        return { path: [...path, "settings", "tool"], message: `its tasks are handed on as '${name}'` };
    }
  }
  return null;
}

function namesOf(session: JsonObject | undefined): readonly (Json | undefined)[] {
  const tools = session?.["tools"];
  return (Array.isArray(tools) ? tools : []).map((one: Json) =>
    isJsonObject(one) ? one["name"] : undefined,
  );
}

/** What it names of the Worker's environment is looked at later. */
function faultOfText(text: NonNullable<WithBackground["background"]>["text"]) {
  try {
    textModelOf(named(text));
  } catch (error) {
    if (error instanceof UpstreamOptionsError) return error.message;
    throw error;
  }
  return null;
}
