/**
 * What a session costs, where its route has prices: by upstream, by what it was for, and by answer. An answer's cost is
 * `heard` or `unheard` by what became of it: one that was asked for in advance, or of several, is counted when that is known.
 */
import { durationMs, type AudioFormat } from "../../audio/format.ts";
import type { UpstreamEvent } from "../../upstreams/upstream.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { Context } from "../context.ts";
import type { ConnectionIdentity } from "../state/connection-identity.ts";
import type { MetricName } from "../metrics.ts";
import type { ResponseRecord } from "../state/response.ts";
import type { ServerEvent } from "../state/server-events.ts";
import { Ledger, type Kind, type LedgerSnapshot, type Sum } from "./ledger.ts";
import type { Meter, OwnRole, Used } from "./meter.ts";
import type { CostPlan } from "./plan.ts";
import { add, type Units } from "./price.ts";
import { rounded, shownSums, totalOf } from "./shown.ts";
import { statedUnits, transcriptUnits } from "./stated.ts";

/** Who is told what it costs: the client, and the application. */
interface CostPort {
  tell(event: ServerEvent): void;
  /** Observers alone. */
  tellApplication(event: ServerEvent): void;
}

/** Read when it is asked for: some of these parts are made later. */
export interface CostParts {
  readonly context: Context;
  readonly port: CostPort;
  readonly responses: { get(id: string): ResponseRecord | undefined };
  readonly turns: { readonly count: number };
}

/** Of which it is not known yet whether anybody will hear of it. */
interface Answer {
  /** Of the session's response; null: it has none. */
  readonly id: string | null;
  readonly link: number;
  readonly number: number;
  readonly candidate: number;
  readonly units: Units;
}

const METRIC_OF: Readonly<Record<Kind, MetricName>> = {
  heard: "cost_heard_millionths",
  unheard: "cost_unheard_millionths",
  line: "cost_line_millionths",
  transcript: "cost_line_millionths",
  own: "cost_own_millionths",
};
const MILLION = 1_000_000;
/** Answers of one session that are made at once, known and unknown: what comes beyond them is counted as nobody's. */
const MOST_ANSWERS = 64;

export class Costs implements Meter {
  readonly #parts: CostParts;
  readonly #plan: CostPlan;
  readonly #ledger: Ledger;
  /** Since when connections are open of which nothing was entered; by link and number. */
  readonly #open = new Map<string, { readonly identity: ConnectionIdentity; since: number }>();
  /** By connection and its key: answers that are being given. */
  #answers = new Map<string, Answer>();
  /** Those that are over at their provider. */
  #over: Answer[] = [];
  /** Answers that ended for the client, of which it is to be told what they cost. */
  #ended: string[] = [];

  constructor(parts: CostParts, plan: CostPlan) {
    this.#parts = parts;
    this.#plan = plan;
    this.#ledger = new Ledger(plan.accounts);
    parts.context.meter = this;
  }

  opened(identity: ConnectionIdentity): void {
    this.#open.set(keyOf(identity, ""), { identity, since: this.#parts.context.now });
  }

  heard({ link, candidate }: ConnectionIdentity, format: AudioFormat, bytes: number): void {
    this.#ledger.enter(link, candidate, "line", { heardSeconds: durationMs(format, bytes) / 1000 });
  }

  said(connection: Used, event: UpstreamEvent): void {
    const { link, candidate } = connection.identity;
    if (event.type === "audio") this.#sounds(connection, event.response, event.bytes.byteLength);
    else if (event.type === "response.done") this.#done(connection, event.response, event.usage);
    else if (event.type === "spent")
      // Of who answers when asked, an answer that nobody was told of any more.
      this.#ledger.enter(
        link,
        candidate,
        connection.capabilities.turns === "none" ? "line" : "unheard",
        statedUnits(event.usage),
      );
    else if (event.type === "input.transcript.completed" && event.usage)
      this.#ledger.enter(link, candidate, "transcript", transcriptUnits(event.usage));
  }

  #sounds(connection: Used, key: string, bytes: number): void {
    const { identity, capabilities } = connection;
    const units = { saidSeconds: durationMs(capabilities.output, bytes) / 1000 };
    // Who speaks when it likes ends nothing.
    if (capabilities.turns === "none") this.#ledger.enter(identity.link, identity.candidate, "heard", units);
    else add(this.#answer(connection, key).units, units);
  }

  /** What it says of one that it has ended before, or never began, is of no account. */
  #done(connection: Used, key: string, usage: JsonObject | null): void {
    const { identity, knows } = connection;
    if (!knows.responses.has(key)) return;
    const answer = this.#answer(connection, key);
    if (usage) add(answer.units, statedUnits(usage));
    this.#answers.delete(keyOf(identity, key));
    this.#over.push(answer);
  }

  #answer({ identity, knows }: Pick<Used, "identity" | "knows">, key: string): Answer {
    const name = keyOf(identity, key);
    const known = this.#answers.get(name);
    if (known) return known;
    const { link, number, candidate } = identity;
    const answer = { id: knows.responses.get(key) ?? null, link, number, candidate, units: {} };
    const [oldest] = this.#answers;
    if (this.#answers.size >= MOST_ANSWERS && oldest) {
      this.#answers.delete(oldest[0]);
      this.#enter(oldest[1], "unheard");
    }
    this.#answers.set(name, answer);
    return answer;
  }

  beside(role: OwnRole, usage: JsonObject, saidMs: number): void {
    const account = this.#plan.accounts.findIndex((one) => one.role === role);
    this.#ledger.enter(account, 0, "own", { ...statedUnits(usage), saidSeconds: saidMs / 1000 });
    this.#parts.context.persist();
  }

  closed(identity: ConnectionIdentity, at: number): void {
    this.#accrue(at, identity);
    this.#open.delete(keyOf(identity, ""));
    for (const [name, answer] of this.#answers) {
      if (answer.link !== identity.link || answer.number !== identity.number) continue;
      this.#answers.delete(name);
      this.#over.push(answer);
    }
  }

  /** The object died, and every connection with it, some time after this: nobody knows of more. */
  died(knownUntil: number): void {
    this.#accrue(knownUntil);
    this.#open.clear();
  }

  /** Enters the time up to now. */
  #accrue(now: number, only?: ConnectionIdentity): void {
    for (const one of this.#open.values()) {
      const { link, number, candidate } = one.identity;
      if (only && (only.link !== link || only.number !== number)) continue;
      const ms = Math.max(0, now - one.since);
      one.since = Math.max(now, one.since);
      this.#ledger.enter(link, candidate, "line", { openSeconds: ms / 1000 });
    }
  }

  #enter({ link, candidate, units }: Answer, kind: Kind): void {
    this.#ledger.enter(link, candidate, kind, units);
  }

  /** An answer ended for the listener. */
  ended({ id }: ResponseRecord): void {
    this.#ended.push(id);
  }

  /** At the end of every input: what became of answers is known by now. */
  settle(): void {
    if (this.#over.length > 0) this.#classify();
    if (this.#ended.length === 0) return;
    const { responses } = this.#parts;
    // Its `response.done` may wait for what it cost.
    const told = this.#ended.filter((id) => responses.get(id)?.untold !== true);
    this.#ended = this.#ended.filter((id) => !told.includes(id));
    for (const id of told) this.#tell(id);
  }

  /** @param last whoever is not known to be heard never will be. */
  #classify(last = false): void {
    const { context, responses } = this.#parts;
    const waiting: Answer[] = [];
    for (const answer of this.#over) {
      const record = answer.id === null ? undefined : responses.get(answer.id);
      if (record && !record.announced && !last) waiting.push(answer);
      else this.#enter(answer, record?.announced ? "heard" : "unheard");
    }
    if (waiting.length < this.#over.length) context.persist();
    this.#over = waiting.slice(-MOST_ANSWERS);
    for (const answer of waiting.slice(0, -MOST_ANSWERS)) this.#enter(answer, "unheard");
  }

  #tell(response_id: string): void {
    const { context, port, turns } = this.#parts;
    this.#accrue(context.now);
    const sums = this.#ledger.takeUntold();
    this.#count(sums);
    // Who goes on after a death of the object would count it again.
    context.persistNow();
    const { currency } = this.#plan;
    const event = { type: "relay.cost", response_id, turn: turns.count, currency };
    const { whole } = this.#ledger;
    const [own, shadows] = apart(sums);
    const [ownInAll, shadowsInAll] = apart(whole);
    port.tell({ ...event, ...shownSums(own), session_cost: rounded(totalOf(ownInAll)) });
    // No client is told of those that are tried out.
    if (shadows.length > 0)
      port.tellApplication({
        ...event,
        shadows: true,
        ...shownSums(shadows),
        session_cost: rounded(totalOf(shadowsInAll)),
      });
  }

  #count(sums: readonly Sum[]): void {
    for (const { upstream, role, kind, money } of sums) {
      const name = role === "shadow" ? "cost_shadow_millionths" : METRIC_OF[kind];
      if (money !== null && money !== 0) this.#parts.context.metric(name, money * MILLION, upstream);
    }
  }

  /** The session ends: connections are closed, and nothing more will be known. */
  close(): void {
    for (const answer of this.#answers.values()) this.#over.push(answer);
    this.#answers.clear();
    this.#classify(true);
    // Connections were hung up before it, or died with the object.
    this.#count(this.#ledger.takeUntold());
  }

  /** For `GET /v1/sessions/:id`. */
  shownAt(now: number): JsonObject {
    // Whoever looks changes nothing.
    const ledger = new Ledger(this.#plan.accounts);
    ledger.restore(this.#ledger.snapshot());
    for (const { identity, since } of this.#open.values()) {
      const openSeconds = Math.max(0, now - since) / 1000;
      ledger.enter(identity.link, identity.candidate, "line", { openSeconds });
    }
    const [own, shadows] = apart(ledger.whole);
    const { currency } = this.#plan;
    return { currency, ...shownSums(own), ...(shadows.length > 0 && { shadows: shownSums(shadows) }) };
  }

  snapshot(): { readonly costs: CostsSnapshot } {
    return {
      costs: {
        lines: this.#ledger.snapshot(),
        open: [...this.#open.values()].map((one) => ({ ...one })),
        answers: [...this.#answers].map(([name, answer]) => [name, copy(answer)]),
        over: this.#over.map(copy),
        ended: [...this.#ended],
      },
    };
  }

  restore(snapshot: CostsSnapshot | undefined): void {
    if (snapshot === undefined) return;
    this.#ledger.restore(snapshot.lines);
    for (const one of snapshot.open) this.#open.set(keyOf(one.identity, ""), { ...one });
    this.#answers = new Map(snapshot.answers.map(([name, answer]) => [name, copy(answer)]));
    this.#over = snapshot.over.map(copy);
    this.#ended = [...snapshot.ended];
  }
}

/** Of those that are heard, and of those that never are. */
function apart(sums: readonly Sum[]): readonly [own: readonly Sum[], shadows: readonly Sum[]] {
  return [sums.filter(({ role }) => role !== "shadow"), sums.filter(({ role }) => role === "shadow")];
}

function keyOf({ link, number }: ConnectionIdentity, key: string): string {
  return `${link}.${number}.${key}`;
}

function copy(answer: Answer): Answer {
  return { ...answer, units: { ...answer.units } };
}

export interface CostsSnapshot {
  readonly lines: LedgerSnapshot;
  readonly open: readonly { readonly identity: ConnectionIdentity; readonly since: number }[];
  readonly answers: readonly (readonly [string, Answer])[];
  readonly over: readonly Answer[];
  readonly ended: readonly string[];
}
