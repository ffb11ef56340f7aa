/** One call whose session object dies, in mid-sentence, in mid-answer or while a tool is at work. */
import { once } from "node:events";
import { connect } from "node:net";
import { ResumingClient, type Resumption } from "./client.ts";
import { Listener, type HeardAnswer } from "./listener.ts";
import { comeBack, sessionOf, toldSince, within } from "./scene.ts";
import { sleep, Speaker } from "./speaker.ts";
import type { Stage } from "./stage.ts";
import { Answers, traceSpeech, type TracedAnswer, type TracedSpeech } from "./trace.ts";
import type { AnswerScript } from "./voice.ts";

/**
 * `aborted`: the object loses its memory and its sockets, as by a deploy or a crash. `killed`: SIGKILL for workerd, with
 * every object in it; another one starts on its storage. (Eviction would wait for the connection to the provider.)
 */
export const DEATHS = ["aborted", "killed"] as const;
export type Death = (typeof DEATHS)[number];
export type DeathMoment = "sentence" | "answer" | "tool call";

export interface DeathCase {
  readonly name: string;
  readonly seed: number;
  readonly kind: Death;
  readonly moment: DeathMoment;
  readonly turnMs: number;
  readonly afterMs: number;
  readonly answers: readonly AnswerScript[];
}

/**
 * Milliseconds count from the moment at which the client's connection broke, or at which there was a process again to
 * come back to. (What tells an object to die takes tens of milliseconds of its own.)
 */
export interface Died {
  readonly case: DeathCase;
  /** Without a process. */
  readonly downMs: number;
  readonly resumption: Resumption;
  /** Dials until one was answered. */
  readonly attempts: number;
  readonly verdictMs: number;
  /** To the provider being ready again. */
  readonly readyMs: number;
  /** To the first sample of what is said then, or from the tool's result if that came later; null: nothing was due. */
  readonly soundMs: number | null;
  /** Of the provider, from being asked for that to its first sample. */
  readonly providerMs: number | null;
  /** Numbers that the client neither got nor was told of, and such that came twice. */
  readonly silentlyMissing: number;
  readonly repeated: number;
  readonly speech: TracedSpeech;
  /** Turns that were answered before. */
  readonly answered: number;
  readonly answers: readonly TracedAnswer[];
  /** Calls of the tool, made once or again. */
  readonly toolCalls: number;
  readonly faults: readonly string[];
  /** Of every frame of the caller, how late this process was with it. */
  readonly lateMs: readonly number[];
}

/** Lets the object die. */
export type Kill = (client: ResumingClient, what: DeathCase) => Promise<void>;

const TOOL = { type: "function", name: "look_up", description: "Looks up.", parameters: { type: "object" } };
/** How long the tool is at work. */
const TOOL_MS = 700;
const BETWEEN_MS = 600;

/** @returns what compares both ends: not to be called while other calls are under way, which it would hold up. */
export async function playDeath(stage: Stage, what: DeathCase, kill: Kill): Promise<() => Died> {
  const { relay, first } = stage;
  first.expect(what.name, { seed: what.seed, answers: what.answers });
  const session = sessionOf(what.name, what.moment === "answer", what.moment === "tool call" ? [TOOL] : []);
  const client = await ResumingClient.open(relay, "plain", session);
  const listener = new Listener(client);
  const speaker = new Speaker(client, what.seed);
  try {
    const speaking = speaker.run();
    await within(client, () => listener.upstream.some(({ status }) => status === "ready"), "the provider");
    await sleep(what.turnMs);
    await approach(what, client, listener, speaker);
    const killing = kill(client, what);
    await client.ended();
    const lostAt = performance.now();
    const upAt = what.kind === "killed" ? await processBack(relay.port) : lostAt;
    const { resumption, attempts } = await comeBack(client);
    await killing;
    const verdictAt = resumption.askedAt + resumption.verdictMs;
    const ready = await toldSince(client, listener, "ready", resumption.askedAt);
    const goesOn = listener.answers.length;
    const wantedAt = Math.max(upAt, await finish(what, client, listener, speaker));
    speaker.stop();
    await speaking;
    return () => {
      const heard = judge(stage, what, listener, speaker, goesOn);
      return {
        case: what,
        downMs: upAt - lostAt,
        resumption,
        attempts,
        verdictMs: verdictAt - upAt,
        readyMs: ready.at - upAt,
        soundMs: heard.soundAt === null ? null : heard.soundAt - wantedAt,
        ...numbersOf(client, resumption),
        ...heard,
      };
    };
  } finally {
    speaker.stop();
    await client.hangUp();
  }
}

/** To the moment at which the object is to die. */
async function approach(
  what: DeathCase,
  client: ResumingClient,
  listener: Listener,
  speaker: Speaker,
): Promise<void> {
  if (what.moment === "sentence") return;
  speaker.commit();
  const begun = (): boolean =>
    what.moment === "answer" ? listener.answers[0]?.firstAt != null : listener.answers[0]?.call != null;
  await within(client, begun, "what the death is to interrupt");
  await sleep(what.afterMs);
}

/** Until somebody listens on the port again. */
async function processBack(port: number): Promise<number> {
  for (;;) {
    const socket = connect({ port, host: "127.0.0.1" });
    try {
      await once(socket, "connect");
      return performance.now();
    } catch {
      await sleep(10);
    } finally {
      socket.destroy();
    }
  }
}

/** What is owed is said, and one more turn is answered. @returns when the tool gave its result; 0: there was none. */
async function finish(
  what: DeathCase,
  client: ResumingClient,
  listener: Listener,
  speaker: Speaker,
): Promise<number> {
  const quiet = (): boolean => listener.active.length === 0;
  const said = (): boolean =>
    listener.answers.some(({ status, bytes }) => status === "completed" && bytes > 0);
  let givenAt = 0;
  if (what.moment === "tool call") givenAt = await useTool(client, listener, said);
  else if (what.moment === "answer") await within(client, () => said() && quiet(), "the rest of the answer");
  await sleep(BETWEEN_MS);
  const count = listener.answers.length + 1;
  speaker.commit();
  await within(client, () => listener.answers.length >= count && quiet(), "the last answer");
  // While the caller speaks there is always something that is not acknowledged.
  speaker.stop();
  await within(client, () => client.acknowledged >= client.sent - 1, "the acknowledgement of everything");
  return givenAt;
}

/** Gives every call of the tool its result, in time and once, until the answer has been said. */
async function useTool(client: ResumingClient, listener: Listener, said: () => boolean): Promise<number> {
  let givenAt = 0;
  const given = new Set<string>();
  const next = () =>
    listener.answers.find(({ call, doneAt }) => call !== null && doneAt !== null && !given.has(call.id))
      ?.call;
  while (!said() || listener.active.length > 0) {
    await within(client, () => next() != null || (said() && listener.active.length === 0), "the answer");
    const call = next();
    if (call == null) continue;
    given.add(call.id);
    await sleep(Math.max(0, call.at + TOOL_MS - performance.now()));
    givenAt = performance.now();
    const item = { type: "function_call_output", call_id: call.id, output: '{"found":true}' };
    client.say({ type: "conversation.item.create", item });
    client.say({ type: "response.create" });
  }
  return givenAt;
}

function numbersOf(client: ResumingClient, { event }: Resumption) {
  const got = new Set(client.numbers);
  const missing = event["missing"] as
    | { readonly ranges?: readonly (readonly [number, number])[] }
    | undefined;
  const named = missing?.ranges ?? [];
  let silentlyMissing = 0;
  for (let number = 1; number < client.received; number += 1) {
    if (!got.has(number) && !named.some(([from, to]) => number >= from && number <= to)) silentlyMissing += 1;
  }
  return { silentlyMissing, repeated: client.numbers.length - got.size };
}

function judge(stage: Stage, what: DeathCase, listener: Listener, speaker: Speaker, goesOn: number) {
  const voices = stage.first.voices(what.name);
  const said = new Answers(what.seed).addAll(voices);
  const answers = listener.answers.map((answer) => said.trace(answer));
  const voice = voices.at(-1);
  if (voice === undefined) throw new Error("the provider never met this call");
  const due =
    what.moment === "sentence"
      ? -1
      : listener.answers.findIndex((one, n) => n >= goesOn - 1 && isNew(one, answers[n], voices.length - 1));
  const sound = listener.answers[due];
  const asked = voice.answers[answers[due]?.source?.index ?? -1];
  return {
    soundAt: sound?.firstAt ?? null,
    providerMs: asked?.firstAt != null ? asked.firstAt - asked.askedAt : null,
    speech: traceSpeech(speaker, voices.slice(1)),
    answered: listener.answers.slice(0, goesOn).filter(({ status }) => status === "completed").length,
    answers,
    lateMs: speaker.lateMs,
    toolCalls: listener.answers.filter(({ call }) => call !== null).length,
    faults: [
      ...voices.flatMap(({ faults }) => faults),
      ...listener.errors.filter((error) => !error.startsWith("voice: ")),
    ],
  };
}

/** Said by the connection that came after the death. */
function isNew(answer: HeardAnswer, traced: TracedAnswer | undefined, connection: number): boolean {
  return answer.firstAt !== null && traced?.source?.connection === connection;
}
