/** What a connection that does not serve yet makes of its configuration: it counts when it serves, if it is still wanted then. */
import type { UpstreamConfig, UpstreamEvent } from "../../upstreams/upstream.ts";
import type { Verdict } from "./refusals.ts";

/** A greeting has less than twenty fields. */
const KEPT = 32;

/** `values`: of the fields, as they were wanted when they were refused, as JSON. */
export type HeldVerdict = Verdict & { readonly values?: readonly string[] };

export class HeldVerdicts {
  #verdicts: HeldVerdict[] = [];

  /** Any event; what is no verdict is not kept. */
  keep(event: UpstreamEvent, config: UpstreamConfig): void {
    const { type } = event;
    if (type !== "configured" && type !== "unconfigured" && type !== "refused") return;
    if (this.#verdicts.length >= KEPT) return;
    const values = type === "unconfigured" ? event.fields.map((field) => valueIn(config, field)) : null;
    this.#verdicts.push(values === null ? event : { ...event, values });
  }

  /** It was told of another configuration, which it has not judged. */
  overtaken(): void {
    this.#verdicts = this.#verdicts.filter(({ type }) => type !== "configured");
  }

  /** @param config that is wanted by now: what was refused of another one is of no account. */
  take(config: UpstreamConfig): readonly Verdict[] {
    const verdicts = this.#verdicts.splice(0).map((each) => stillWanted(each, config));
    const refusals = verdicts.filter((each) => each.type === "unconfigured");
    const nothing = refusals.length > 0 && refusals.every(({ fields }) => fields.length === 0);
    return verdicts.filter((each) => {
      if (each.type === "unconfigured") return each.fields.length > 0;
      return !nothing || each.type !== "refused" || each.what !== "configure";
    });
  }

  /** Absent where there are none, which is nearly always. */
  snapshot(): { readonly verdicts?: readonly HeldVerdict[] } {
    return this.#verdicts.length === 0 ? {} : { verdicts: [...this.#verdicts] };
  }

  restore(verdicts: readonly HeldVerdict[] = []): void {
    this.#verdicts = [...verdicts];
  }
}

function stillWanted(verdict: HeldVerdict, config: UpstreamConfig): Verdict {
  if (verdict.type !== "unconfigured") return verdict;
  const { fields, values } = verdict;
  const wanted = fields.filter((field, at) => values === undefined || values[at] === valueIn(config, field));
  return { type: "unconfigured", fields: wanted };
}

/** A member of the configuration by a verdict's name for it, as JSON. */
function valueIn(config: UpstreamConfig, field: string): string {
  const extra = field.startsWith("extra.");
  const members: Readonly<Record<string, unknown>> = extra ? config.extra : { ...config };
  return JSON.stringify(members[extra ? field.slice("extra.".length) : field] ?? null);
}
