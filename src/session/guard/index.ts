/** The guard of a session: what is judged, what a judgement does, and what the application is told of it, without content. */
import { ClientError } from "../../protocol/client-error.ts";
import type { ResponseParams } from "../../protocol/client-events.ts";
import type { Input } from "../io.ts";
import type { ResponseRecord } from "../state/response.ts";
import { InputGuard, type InputGuardSnapshot } from "./input-guard.ts";
import { OutputGuard, type OutputGuardSnapshot } from "./output-guard.ts";
import type { GuardPlan, Side } from "../state/guard-plan.ts";
import type { GuardParts, Link } from "./ports.ts";
import { Questions, type Judgement, type QuestionsSnapshot } from "./questions.ts";

const OPEN: Judgement = { decision: "open", category: null };

export class Guard {
  readonly output: OutputGuard | null;
  readonly input: InputGuard | null;
  readonly #parts: GuardParts;
  readonly #questions: Questions;
  readonly #replacement: string | undefined;

  constructor(parts: GuardParts, plan: GuardPlan) {
    const { context, conversation, links } = parts;
    this.#parts = parts;
    this.#replacement = plan.output?.replacement;
    this.#questions = new Questions({ context, judged: (...settled) => this.#judged(...settled) }, plan);
    const shared = { context, questions: this.#questions };
    const output = {
      ...shared,
      wordsFirst: (stream: number) => links[stream]?.capabilities.wordsFirst === true,
      moved: (id: string) => parts.responses.drainOne(id),
      unjudged: (id: string) => this.#tell("output", OPEN, { response_id: this.#toldName(id) }),
    };
    const input = {
      ...shared,
      conversation,
      links,
      ask: (group: readonly Link[], params: ResponseParams) => parts.asking.ask(group, params),
      put: (id: string) => parts.responses.put(id),
      refused: (ids: readonly string[], judgement: Judgement) => this.#inputRefused(ids, judgement),
      unjudged: (ids: readonly string[]) => this.#tell("input", OPEN, { item_ids: ids }),
    };
    this.output = plan.output ? new OutputGuard(output, plan.output) : null;
    this.input = plan.input ? new InputGuard(input, plan.input) : null;
  }

  /** A moderator answered. */
  moderated({ id, moderator, verdict }: Extract<Input, { type: "moderated" }>): void {
    this.#questions.answered(id, moderator, verdict);
  }

  #judged(side: Side, owner: string, id: number, judgement: Judgement): void {
    if (side === "output") this.output?.judged(owner, id, judgement);
    else this.input?.judged(owner, id, judgement);
  }

  /** A deadline came: `guard:question:1`, `guard:answer:resp_1`, `guard:input`. */
  due(what: string, which: string): void {
    if (what === "question") this.#questions.due(Number(which));
    else if (what === "answer") this.output?.due(which);
    else this.input?.due();
  }

  /** Words of an answer are refused. One that nobody was told of is out of its round, or is ended when it is announced. */
  refused(response: ResponseRecord, judgement: Judgement): void {
    const { rounds, bargeIn } = this.#parts;
    if (!response.announced) {
      if (!rounds.others(response)) return;
      this.#tell("output", judgement, { response_id: null });
      return rounds.drop(response);
    }
    bargeIn.refuse(response);
    this.#tell("output", judgement, { response_id: response.id });
    if (!response.outOfBand) this.#replace(response.modality);
  }

  /** What is said instead is an item of the conversation, which every upstream is told. */
  #replace(modality: ResponseRecord["modality"]): void {
    const { asides, context, port, conversation, links } = this.#parts;
    if (this.#replacement === undefined) return;
    const id = conversation.unused(() => context.newId("item"));
    const content = [{ type: "output_text", text: this.#replacement }];
    const said = {
      object: "realtime.item",
      type: "message",
      role: "assistant",
      status: "completed",
      content,
    };
    const item = { id, ...said };
    const previous = conversation.insert({
      item,
      origin: null,
      growing: false,
      truncatedMs: null,
      audioMs: 0,
    });
    for (const link of links) link.command({ type: "item", item, previousItemId: null });
    for (const what of ["added", "done"])
      port.emit({ type: `conversation.item.${what}`, previous_item_id: previous, item });
    if (modality === "audio") asides.instead(id, this.#replacement);
    context.persist();
  }

  /** The caller's words are refused: they are forgotten, and a client that is told nothing else is told by an error. */
  #inputRefused(ids: readonly string[], judgement: Judgement): void {
    const { context, port, conversation, links } = this.#parts;
    this.#tell("input", judgement, { item_ids: ids });
    for (const itemId of ids) {
      if (!conversation.find(itemId)) continue;
      conversation.remove(itemId);
      for (const link of links) link.command({ type: "delete", itemId });
      port.emit({ type: "conversation.item.deleted", item_id: itemId });
    }
    if (!port.extended)
      port.rejected(
        new ClientError("content_filter", "The guard of this route refused the input.", null),
        null,
      );
    // Nobody answers.
    this.#parts.idle.arm();
    context.persist();
  }

  #toldName(id: string): string | null {
    return this.#parts.responses.get(id)?.announced === true ? id : null;
  }

  #tell(
    side: Side,
    { decision, category }: Judgement,
    about: { readonly response_id: string | null } | { readonly item_ids: readonly string[] },
  ): void {
    if (decision !== "veto")
      this.#parts.context.metric(`guard_${decision === "closed" ? "closed" : "open"}`, 1);
    this.#parts.port.tell({ type: "relay.guard", side, decision, category, ...about });
  }

  /** Only where something is under way. */
  snapshot(): { readonly guard?: GuardSnapshot } {
    const questions = this.#questions.snapshot();
    const output = this.output?.snapshot() ?? [];
    const input = this.input?.snapshot() ?? { waiting: [], judged: [] };
    if (questions.count === 0 && output.length === 0 && input.waiting.length + input.judged.length === 0)
      return {};
    return { guard: { questions, output, input } };
  }

  restore(snapshot: GuardSnapshot | undefined): void {
    if (snapshot === undefined) return;
    this.#questions.restore(snapshot.questions);
    this.output?.restore(snapshot.output);
    this.input?.restore(snapshot.input);
  }
}

export interface GuardSnapshot {
  readonly questions: QuestionsSnapshot;
  readonly output: OutputGuardSnapshot;
  readonly input: InputGuardSnapshot;
}
