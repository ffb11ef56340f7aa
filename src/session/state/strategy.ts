/**
 * Who is asked for an answer of the upstreams that answer, who gives it, and who is told of it. A plan has one strategy; each is
 * a file of `session/plan` and a line in its `index.ts`.
 */
export interface Strategy {
  /** As `relay.config.ts` and `relay.race` name it. */
  readonly name: string;
  /**
   * The upstreams are one voice: one of them gives an answer, on the listener's one stream, and all are told what was heard of it
   * and what tools gave. This says who is asked of those that can be, at least two, in the order of the plan. Null: each
   * upstream gives its own answer, on a stream of its own, and knows of no other's.
   */
  readonly oneVoice: (<Able extends Named>(able: readonly Able[], question: Question) => Order<Able>) | null;
}

interface Named {
  readonly name: string;
}

/** What is asked, and of whom before. */
export interface Question {
  /** The upstream that said or called something last; null: nobody yet. */
  readonly last: string | null;
  /** It called a tool, and this is asked with what the tool gave. */
  readonly goesOn: boolean;
  /** What the caller, or the client in their name, has said since then, as far as its words are known. */
  readonly words: string;
}

/** The first that can be heard, or calls a tool, gives the answer. */
export interface Order<Able> {
  /** Asked at once; at least one. */
  readonly first: readonly Able[];
  /**
   * Asked when nobody has been heard so long after the question, the soonest first; or at once, when all others failed. Null:
   * only then.
   */
  readonly later: readonly { readonly who: Able; readonly afterMs: number | null }[];
}
