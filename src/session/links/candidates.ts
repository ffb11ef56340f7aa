/** Who may serve an upstream of the plan: its provider and those that it falls back to, in the order in which they are tried. */
import { formatKey, type AudioFormat } from "../../audio/format.ts";
import type { Upstream, UpstreamFactory, UpstreamOptions } from "../../upstreams/upstream.ts";
import type { PlannedUpstream } from "../state/plan.ts";

export class Candidates {
  readonly #planned: UpstreamOptions;
  readonly #options: readonly UpstreamOptions[];
  readonly #create: UpstreamFactory;
  /** What each stated that it takes, where that is not what it was dialled for. */
  readonly #stated = new Map<number, AudioFormat>();
  /** What is known of the upstream before it is dialled. */
  readonly example: Upstream;
  /** It is somewhere else: it can be lost, and costs something. */
  readonly remote: boolean;
  /** Input formats of everything that may be dialled. */
  readonly formats: readonly AudioFormat[];
  /** Some connection of it could be told by its sound what the caller said. */
  readonly replays: boolean;

  constructor({ options, fallback = [] }: PlannedUpstream, create: UpstreamFactory) {
    this.#planned = options;
    this.#options = [options, ...fallback];
    this.#create = create;
    this.example = create(options);
    this.remote = !this.example.request().url.startsWith("loop:");
    const known = this.#options.map((each) => create(each).capabilities);
    this.formats = known.map(({ input }) => input);
    this.replays = this.remote && known.some(({ turns }) => turns === "client");
  }

  get count(): number {
    return this.#options.length;
  }

  /** This one takes that. */
  states(candidate: number, input: AudioFormat): void {
    this.#stated.set(candidate, input);
  }

  /** What it will take, by what it stated before; null: nobody knows, or it is what it is dialled for. */
  expected(candidate: number): AudioFormat | null {
    const stated = this.#stated.get(candidate);
    const dialled = this.formats[candidate];
    return stated && dialled && formatKey(stated) !== formatKey(dialled) ? stated : null;
  }

  /** Another one of this candidate. */
  create(candidate: number): Upstream {
    return this.#create(this.#options[candidate] ?? this.#planned);
  }
}
