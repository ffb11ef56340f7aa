/**
 * Calls in which the relay runs a tool: a webhook that is slow, late, fails or is asked again after a death, and that knows each
 * deed by the answer that wanted it. No deed of an answer that was taken back, none under two names, none that is not on record,
 * and every one has its result or its answer was given up.
 */
import type { ToolCall } from "../../durable-objects/asked.ts";
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import type { SessionSnapshot } from "../../src/session/session.ts";
import type { ToolPlan, ToolResult } from "../../src/session/state/tool-plan.ts";
import { textAt } from "../../src/upstreams/json.ts";
import { fields } from "./fields.ts";
import type { Random } from "./random.ts";
import type { Moment } from "./store.ts";
import type { Scenario, World } from "./world.ts";

export const TOOL_WEBHOOK = "tool.webhook";
/** The same, and the caller may take a call back. */
export const TOOL_CONFIRM = "tool.confirm";

const BUDGET_MS = 1200;
/** The relay gives a call up that its shell has lost. */
const LOST_MS = 2000;
/** Between its calls and its end an answer may take so long: it may be cut meanwhile. */
const LINGER_MS = 1500;

const LOOK: ToolPlan = {
  name: "look",
  description: "Looks.",
  parameters: { type: "object", properties: {} },
  webhook: {
    url: "https://tools.sim/",
    secret: "whsec_",
    timeoutMs: BUDGET_MS,
    budgetMs: BUDGET_MS,
    retries: 0,
  },
};

export const lookOf = ({ confirmMs }: Scenario): ToolPlan => ({
  ...LOOK,
  ...(confirmMs !== undefined && { confirmMs }),
});

/** Drawn only where it is named: all other calls are what they were. */
export function withTools(random: Random, scenario: Scenario): Scenario {
  const { faults, session } = scenario;
  if (!faults.includes(TOOL_WEBHOOK) && !faults.includes(TOOL_CONFIRM)) return scenario;
  const tools = { ...scenario, tools: true, webhook: true, session: { ...session, tools: [] } } as const;
  return faults.includes(TOOL_CONFIRM) ? { ...tools, confirmMs: random.pick([200, 600, 1500]) } : tools;
}

export function lingersMs(random: Random): number {
  return random.chance(0.5) ? random.between(0, LINGER_MS) : 0;
}

/** Arguments that say which answer wants the deed. */
export const wantedBy = (answer: number, because = ""): string =>
  JSON.stringify({ answer, ...(because !== "" && { because }) });

function answerOf(given: unknown): number | null {
  const answer = typeof given === "string" ? parseJsonObject(given)?.["answer"] : undefined;
  return typeof answer === "number" ? answer : null;
}

/** As clients of the simulator stop an agent. */
const STOPS: ReadonlySet<string> = new Set([
  JSON.stringify({ type: "response.cancel" }),
  JSON.stringify({ type: "output_audio_buffer.clear" }),
]);

interface Deed {
  readonly id: string;
  /** Something is told the relay of it, or will be. */
  settled: boolean;
}

export class Deeds {
  readonly #world: World;
  readonly #random: Random;
  readonly #deeds = new Map<number, Deed>();
  /** As the relay told its client that their answers ended. */
  readonly #ends = new Map<number, string>();
  /** When it did. */
  readonly #endedAt = new Map<number, number>();
  /** When it last told that the caller began to speak, and was told to stop what is heard. */
  #spokeAt = -1;
  #stoppedAt = -1;
  /** When a client last came, as it was told. */
  #backAt = -1;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** Its client tells the relay. */
  heard(data: string): void {
    if (STOPS.has(data)) this.#stoppedAt = this.#world.time.now;
  }

  /** The relay tells its client of the end of an answer. */
  told(data: string): void {
    if (data.includes('"session.created"') || data.includes('"session.resumed"'))
      this.#backAt = this.#world.time.now;
    if (data.includes('"input_audio_buffer.speech_started"')) this.#spokeAt = this.#world.time.now;
    if (!data.includes('"response.done"') || !data.includes('"function_call"')) return;
    const response = fields(parseJsonObject(data)?.["response"]);
    const output = response["output"];
    for (const item of Array.isArray(output) ? output : []) {
      const answer = answerOf((item as JsonObject)["arguments"]);
      if (answer !== null) this.#ended(answer, textAt(response, "status") ?? "");
    }
  }

  #ended(answer: number, status: string): void {
    this.#ends.set(answer, status);
    this.#endedAt.set(answer, this.#world.time.now);
    if (status !== "completed" && this.#deeds.has(answer)) this.#takenBack(answer, status);
  }

  #takenBack(answer: number, status: string): void {
    this.#world.checks.fail(
      "tool-taken-back",
      `the deed of answer ${answer} was done, and it ended ${status}`,
    );
  }

  /** The relay calls the tool. @param stored what is durable. */
  do({ id, arguments: given }: ToolCall, stored: Moment | null): Promise<ToolResult> {
    const { checks, scenario } = this.#world;
    const answer = answerOf(given);
    if (answer === null) throw new Error(`a call that no answer wanted: ${given}`);
    const former = this.#deeds.get(answer);
    checks.strike(scenario.confirmMs === undefined ? TOOL_WEBHOOK : TOOL_CONFIRM);
    if (!former) this.#confirmed(answer);
    checks.count(former ? "tools: called again" : "tools: called");
    if (former && former.id !== id)
      checks.fail("tool-twice", `the deed of answer ${answer} was done as ${former.id} and as ${id}`);
    const end = this.#ends.get(answer);
    if (end !== undefined && end !== "completed") this.#takenBack(answer, end);
    const known = stored?.snapshot.conversation.entries.some(({ item }) => item.id === id);
    if (known !== true && !(scenario.sealed && stored === null))
      checks.fail("tool-unrecorded", `${id} is done, and what is durable does not know of it`);
    const deed = { id, settled: false };
    this.#deeds.set(answer, deed);
    return this.#settles(answer, deed);
  }

  /** Since the end of its answer the caller was silent for long enough. */
  #confirmed(answer: number): void {
    const { checks, scenario, time } = this.#world;
    const endedAt = this.#endedAt.get(answer);
    // Told to nobody: its client was away.
    if (scenario.confirmMs === undefined || endedAt === undefined) return;
    // Nobody can say no to somebody who is not there.
    const waited = time.now - Math.max(endedAt, this.#backAt);
    // A clock that jumps is no silence; it is set right within a second.
    const jumps = scenario.faults.some((name) => name.startsWith("platform.clock"));
    if (waited < scenario.confirmMs - 2 && !jumps)
      checks.fail(
        "tool-unconfirmed",
        `the deed of answer ${answer} was done ${Math.round(waited)} ms after its end, or its client came`,
      );
    if (this.#spokeAt > endedAt)
      checks.fail(
        "tool-unconfirmed",
        `the deed of answer ${answer} was done, and the caller had spoken since`,
      );
    if (this.#stoppedAt > endedAt)
      checks.fail("tool-unconfirmed", `the deed of answer ${answer} was done, and it was stopped since`);
  }

  #settles(answer: number, deed: Deed): Promise<ToolResult> {
    const { checks, time } = this.#world;
    const kind = this.#random.pick(["quick", "quick", "slow", "fails", "late"] as const);
    const afterMs = {
      quick: this.#random.between(5, 300),
      slow: this.#random.between(400, BUDGET_MS - 50),
      fails: this.#random.between(5, BUDGET_MS - 50),
      late: BUDGET_MS + LOST_MS + this.#random.between(50, 800),
    }[kind];
    checks.note(() => `tool ← answer ${answer} as ${deed.id}: ${kind}`);
    checks.count(`tools: ${kind}`);
    return new Promise((resolve) => {
      time.after(afterMs, () => {
        checks.note(() => `tool → answer ${answer}`);
        deed.settled = true;
        time.unsettled();
        resolve(kind === "fails" ? { failure: "unreachable" } : { output: "seen" });
      });
    });
  }
}

/** Nothing more comes: every call of a tool has its result, or is waited for, or its answer goes on. */
export function toolsAnswered({ checks, scenario }: World, snapshot: SessionSnapshot): void {
  // What the client deletes has none.
  if (scenario.webhook !== true || scenario.faults.includes("caller.delete")) return;
  const { entries } = snapshot.conversation;
  const pending = new Set(snapshot.conduct.tools?.calls.map(({ id }) => id));
  const growing = new Set(
    snapshot.responses.records
      .filter(({ phase }) => phase === "requested" || phase === "generating")
      .flatMap(({ items }) => items.map(({ id }) => id)),
  );
  const answered = new Set(entries.map(({ answers }) => answers));
  for (const { item, origin } of entries) {
    if (item.type !== "function_call" || item["status"] !== "completed" || origin === null) continue;
    if (answered.has(item.id)) checks.count("tools: calls with a result");
    else if (!pending.has(item.id) && !growing.has(item.id))
      checks.fail("tool-unanswered", `${item.id} has no result, and none is waited for`);
  }
}
