/** The relay's own voice of a route, as `relay.config.ts` says it: who says its sentences, and what does not fit. */
import * as v from "valibot";
import { synthesiserOf } from "../upstreams/cascade/synthesiser.ts";
import { UpstreamOptionsError } from "../upstreams/upstream.ts";
import { isRunOrDialled, named, RUN, single } from "./dialled.ts";
import { priceTable } from "./prices.ts";

/** Who says the relay's own sentences (docs/sounds.md). */
export const speechFields = {
  speech: v.optional(
    v.pipe(
      v.strictObject({
        /** As the part `speech` of a cascade. */
        ...single,
        /** What it asks for (docs/cost.md). */
        price: v.optional(priceTable),
        /** Clients of `duplex.v1` may have something said, too (`relay.say`). Default: the application alone. */
        clients: v.optional(v.boolean()),
      }),
      v.check((one) => isRunOrDialled(one), RUN),
    ),
  ),
};

export interface WithSpeech {
  readonly speech?: Parameters<typeof named>[0] | undefined;
}

/** What it names of the Worker's environment is looked at later. */
export function faultOfSpeech({ speech }: WithSpeech) {
  if (speech === undefined) return null;
  if (speech.model === "*")
    return { path: ["speech", "model"], message: "it is one voice, whatever a client asks for" };
  try {
    synthesiserOf(named(speech));
  } catch (error) {
    if (error instanceof UpstreamOptionsError) return { path: ["speech"], message: error.message };
    throw error;
  }
  return null;
}
