/** One call whose provider fails, in mid-sentence, before its answer or in the middle of it, and what both ends know. */
import { ResumingClient } from "./client.ts";
import { Listener, type HeardAnswer, type Told } from "./listener.ts";
import { sessionOf, toldSince, within } from "./scene.ts";
import { sleep, Speaker } from "./speaker.ts";
import { FIRST, KILLED, SECOND, type Stage } from "./stage.ts";
import { Answers, traceSpeech, type TracedAnswer, type TracedSpeech } from "./trace.ts";
import type { AnswerScript } from "./voice.ts";

/** `killed`: its whole process, with every call that it has. */
export const KINDS = ["killed", "reset", "closed", "stalled", "black hole"] as const;
export type Kind = (typeof KINDS)[number];
/** Where the call is when it fails. */
export type Moment = "sentence" | "asked" | "answer";

export interface FailoverCase {
  readonly name: string;
  readonly seed: number;
  readonly kind: Kind;
  readonly moment: Moment;
  readonly route: string;
  /** The next provider is kept warm. */
  readonly warm: boolean;
  /** Of speech before the first turn ends. */
  readonly turnMs: number;
  /** Into the moment. */
  readonly afterMs: number;
  readonly first: AnswerScript;
  readonly second: AnswerScript;
}

export interface Failover {
  readonly case: FailoverCase;
  /** From the failure to the moment at which the client is told; of a silence from when something was due. */
  readonly detectedMs: number;
  /** From then until the next provider is ready. */
  readonly readyMs: number;
  /** From then, or from the end of what the first one had said, to the next one's first sample; null: nothing was due. */
  readonly silenceMs: number | null;
  /** Of the next provider, from being asked to its first sample. */
  readonly providerMs: number | null;
  readonly speech: TracedSpeech;
  /** Turns answered by others to the end. */
  readonly answered: number;
  readonly answers: readonly TracedAnswer[];
  /** Answers that were heard to their end and that the other end had said to its end. */
  readonly statuses: readonly string[];
  readonly dials: number;
  readonly faults: readonly string[];
  /** Of every frame of the caller, how late this process was with it. */
  readonly lateMs: readonly number[];
}

const BETWEEN_MS = 600;

export interface Strike {
  /** Resolves when all are there that are to be struck together. */
  ready(what: FailoverCase): Promise<void>;
  /** Does to the provider what the case wants; resolves with the moment at which it happened. */
  now(what: FailoverCase): Promise<number>;
}

/** @returns what compares both ends: not to be called while other calls are under way, which it would hold up. */
export async function playFailover(
  stage: Stage,
  what: FailoverCase,
  strike: Strike,
): Promise<() => Failover> {
  const script = (answer: AnswerScript) => ({ seed: what.seed, answers: [answer] });
  if (what.kind === "killed") await stage.killed.expect(what.name, script(what.first));
  else stage.first.expect(what.name, script(what.first));
  stage.second.expect(what.name, script(what.second));
  const client = await ResumingClient.open(
    stage.relay,
    what.route,
    sessionOf(what.name, what.moment === "answer"),
  );
  const listener = new Listener(client);
  const speaker = new Speaker(client, what.seed);
  try {
    const speaking = speaker.run();
    const ready = (from: number): Told | undefined =>
      listener.upstream.find(({ status, at }) => status === "ready" && at > from);
    await client.until(() => ready(0) !== undefined, "the first provider");
    await sleep(what.turnMs);
    await strike.ready(what);
    await approach(what, client, listener, speaker);
    const struckAt = await strike.now(what);
    const closed = await toldSince(client, listener, "closed", struckAt);
    const again = await toldSince(client, listener, "ready", closed.at);
    await finish(what, client, listener, speaker);
    speaker.stop();
    await speaking;
    return () => judge(stage, what, { listener, speaker, struckAt, closed, again });
  } finally {
    speaker.stop();
    await client.hangUp();
  }
}

/** To the moment at which the provider is to fail. */
async function approach(
  what: FailoverCase,
  client: ResumingClient,
  listener: Listener,
  speaker: Speaker,
): Promise<void> {
  if (what.moment === "sentence") return;
  speaker.commit();
  if (what.moment === "answer")
    await within(client, () => listener.answers[0]?.firstAt != null, "the first answer");
  await sleep(what.afterMs);
}

/** What is owed is answered, and one more turn. */
async function finish(
  what: FailoverCase,
  client: ResumingClient,
  listener: Listener,
  speaker: Speaker,
): Promise<void> {
  const rest = (count: number): boolean => listener.answers.length >= count && listener.active.length === 0;
  // Of a broken answer the rest comes as another one; what had all been said is heard to its end.
  const broken = (): boolean => listener.answers[0]?.status !== "completed";
  const owed = (): number => ({ sentence: 0, asked: 1, answer: broken() ? 2 : 1 })[what.moment];
  await within(client, () => rest(owed()), "what was owed");
  await sleep(BETWEEN_MS);
  speaker.commit();
  const count = listener.answers.length + 1;
  await within(client, () => rest(count), "the last answer");
  // While the caller speaks there is always something that is not acknowledged.
  speaker.stop();
  await within(client, () => client.acknowledged >= client.sent - 1, "the acknowledgement of everything");
}

interface Played {
  readonly listener: Listener;
  readonly speaker: Speaker;
  readonly struckAt: number;
  readonly closed: Told;
  readonly again: Told;
}

function judge(stage: Stage, what: FailoverCase, played: Played): Failover {
  const { listener, speaker, struckAt, closed, again } = played;
  const who = what.kind === "killed" ? KILLED : FIRST;
  const voices = stage.second.voices(what.name);
  // A process that was killed can not be asked what it had said: one answer, the first of its only connection.
  const said = new Answers(what.seed).addAll(voices).add({ who, connection: 0, index: 0 });
  const answers = listener.answers.map((answer) => said.trace(answer));
  const voice = voices.at(-1);
  if (voice === undefined) throw new Error("the second provider never met this call");
  const at = answers.findIndex(({ source }) => source?.who === SECOND);
  const heard: HeardAnswer | undefined = listener.answers[at];
  // What the first one had all said is heard to its end, and nothing is due then.
  const broken = listener.answers[0]?.status !== "completed";
  const due =
    heard?.firstAt != null && (what.moment === "asked" ? at === 0 : what.moment === "answer" && broken);
  const asked = voice.answers[answers[at]?.source?.index ?? 0];
  const silent = what.kind === "stalled" || what.kind === "black hole";
  const first = listener.answers[0];
  const dueAt = what.moment === "answer" ? closed.dryAt : (first?.createdAt ?? struckAt);
  return {
    case: what,
    detectedMs: closed.at - (silent ? dueAt : struckAt),
    readyMs: again.at - closed.at,
    silenceMs: due ? Math.max(0, (heard.firstAt ?? 0) - Math.max(closed.at, dryBefore(listener, at))) : null,
    providerMs: due && asked?.firstAt != null ? asked.firstAt - asked.askedAt : null,
    speech: traceSpeech(speaker, voices),
    answered: answers.filter(
      ({ source }, n) => source?.who === who && listener.answers[n]?.status === "completed",
    ).length,
    answers,
    statuses: listener.answers.map(({ status }) => status),
    lateMs: speaker.lateMs,
    dials: voices.length,
    faults: voices.flatMap(({ faults }) => faults),
  };
}

/** When the answers before the `at`-th had been heard. */
function dryBefore(listener: Listener, at: number): number {
  let dryAt = Number.NEGATIVE_INFINITY;
  for (const { firstAt, bytes } of listener.answers.slice(0, at))
    if (firstAt !== null) dryAt = Math.max(dryAt, firstAt + bytes / 48);
  return dryAt;
}
