/**
 * Deliberate breakages of the core, each by one exact replacement. A simulator is as good as what it catches: every
 * one of these must be caught within 1,000 seeds (docs/testing.md).
 */
import { ASIDE_MUTATIONS } from "./aside-mutations.ts";
import { DRAW_MUTATIONS } from "./draw-mutations.ts";
import { DRIVER_MUTATIONS } from "./driver-mutations.ts";
import { GUARD_MUTATIONS } from "./guard-mutations.ts";
import { MIND_MUTATIONS } from "./mind-mutations.ts";
import { LEVEL_MUTATIONS } from "./level-mutations.ts";
import { PATIENCE_MUTATIONS } from "./patience-mutations.ts";
import { PLAN_MUTATIONS } from "./plan-mutations.ts";
import { RACE_MUTATIONS } from "./race-mutations.ts";
import { RULE_MUTATIONS } from "./rule-mutations.ts";
import { TOOL_MUTATIONS } from "./tool-mutations.ts";

export interface Mutation {
  readonly number: number;
  readonly what: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** Kinds of faults among which it is looked for, where two of all kinds hardly ever meet in what shows it; absent: all. */
  readonly among?: readonly string[];
}

export const MUTATIONS: readonly Mutation[] = [
  {
    number: 1,
    what: "a turn begins half a second late: its first words are lost",
    file: "src/session/turns/present-turn.ts",
    from: "this.beginAt(Math.max(this.at.startTicks, prefixTicks, 0), this.at.bufferTicks);",
    to: "this.beginAt(Math.max(this.at.startTicks, prefixTicks, 0) + 500 * TICKS_PER_MS, this.at.bufferTicks);",
  },
  {
    number: 2,
    what: "audio that waited for the listener is cut at the wrong sample and heard twice",
    file: "src/session/output/lane.ts",
    from: "this.#queue[0] = { ...head, bytes: head.bytes.subarray(most) };",
    to: "this.#queue[0] = { ...head, bytes: head.bytes.subarray(most - size) };",
  },
  {
    number: 3,
    what: "what was sent counts as heard: history keeps words that nobody heard",
    file: "src/session/output/playout.ts",
    from: "    return this.cutAt(itemId, this.heardMs(itemId, now), now);",
    to: "    return this.cutAt(itemId, this.sentMs(itemId), now);",
  },
  {
    number: 4,
    what: "a client that went away is waited for without end: upstreams stay open",
    file: "src/session/session.ts",
    from: 'else if (name === "client:gone") this.#conduct.presence.end("client_gone");',
    to: 'else if (name === "client:gone") return;',
  },
  {
    number: 5,
    what: "a provider that stops answering is waited for without end",
    file: "src/session/output/overdue.ts",
    from: 'context.metric("response_timeouts", 1, response.upstream);\n    if (link?.stalled()) return;',
    to: "if (context.now > 0) return;",
  },
  {
    number: 6,
    what: "a resumed client is sent one message too few",
    file: "src/session/delivery/delivery.ts",
    from: "this.#port.outbox.after(lastReceived);",
    to: "this.#port.outbox.after(lastReceived + 1);",
  },
  {
    number: 7,
    what: "what the client sent is acknowledged before it is durable",
    file: "src/session/delivery/delivery.ts",
    from: "this.#acknowledged = received;",
    to: "this.#acknowledged = this.#received;",
    among: ["platform.crash", "platform.store_slow"],
  },
  {
    number: 8,
    what: "what a crash made the relay forget goes on as if the client had not seen it",
    file: "src/session/client/doubt.ts",
    from: "if (forgotten !== null || lastReceived === null) this.#forsake();",
    to: "",
  },
  {
    number: 9,
    what: "an answer has no deadline once it was asked for",
    file: "src/session/output/response-clock.ts",
    from: '    if (link.phase === "ready") this.owed(response, link);\n    else this.waits(response);\n',
    to: "",
  },
  {
    number: 10,
    what: "an answer that waited for its connection is not watched from when it left",
    file: "src/session/output/responses.ts",
    from: "      this.#clock.owed(response, link);\n    }\n  }\n\n  /** Asks in advance",
    to: "    }\n  }\n\n  /** Asks in advance",
    among: ["provider.slow_dial", "provider.no_answer", "provider.swallows_ask"],
  },
  {
    number: 11,
    what: "an answer that has begun need not go on",
    file: "src/session/output/response-clock.ts",
    from: "    this.#set(response, this.#context.now + this.#patience(response));",
    to: "    this.clear(response);",
  },
  {
    number: 12,
    what: "whatever is lost was of use, and a minute holds any number of dials",
    file: "src/session/links/patience.ts",
    from: "    if (this.freeAt(effort) > this.#context.now) return false;\n",
    to: "    this.#failures = 0;\n    if (this.#failures === 0) return true;\n",
    among: ["provider.dies_when_ready"],
  },
  {
    number: 13,
    what: "an answer that broke off is continued without end",
    file: "src/session/output/recovery.ts",
    from: "    if (!broken || broken.attempts >= MOST_ATTEMPTS || !asking.may || !by.mayAskAgain()) return;",
    to: "    if (!broken || !asking.may) return;",
    among: ["provider.dies_in_answers"],
  },
  {
    number: 14,
    what: "an answer that broke off is never continued",
    file: "src/session/output/recovery.ts",
    from: "    if (!broken || broken.attempts >= MOST_ATTEMPTS ||",
    to: "    if (broken ||",
    among: ["provider.close"],
  },
  {
    number: 15,
    what: "who serves is not told what changed in an item of before its time",
    file: "src/session/links/serving.ts",
    from: "    if (this.current?.alive) this.replay?.changed(this.current, itemId, whole);",
    to: "",
    among: ["provider.rollover", "client.late_acks"],
  },
  {
    number: 16,
    what: "who serves is not told what ended after it took over",
    file: "src/session/links/serving.ts",
    from: "    if (current?.alive && current.knows.later.size > 0) this.replay?.ended(current);",
    to: "",
  },
  {
    number: 17,
    what: "what was still being said when a connection took over is told to nobody",
    file: "src/session/links/replay.ts",
    from: "      connection.knows.later.add(id);\n      return 0;",
    to: "      return 0;",
  },
  {
    number: 18,
    what: "items that were dropped before they were sent stay with the provider",
    file: "src/session/output/unsay.ts",
    from: '  for (const itemId of dropped.items) link.command({ type: "delete", itemId });\n',
    to: "",
  },
  {
    number: 19,
    what: "items that begin after their answer has ended stay with the provider",
    file: "src/session/output/intake.ts",
    from: '        link.command({ type: "delete", itemId: event.item });\n    } else if (event.type === "audio") {',
    to: '        return;\n    } else if (event.type === "audio") {',
    among: ["caller.cancel", "caller.barge_in", "provider.ignores_cancel"],
  },
  {
    number: 20,
    what: "items of an answer asked for in vain stay with the provider",
    file: "src/session/output/endings.ts",
    from: '    this.cancelThere(response, link, overdue);\n    for (const itemId of items) link.command({ type: "delete", itemId });\n',
    to: "    this.cancelThere(response, link, overdue);\n",
    among: ["client.eager_on_off"],
  },
  {
    number: 21,
    what: "an answer asked for in vain goes on at the provider",
    file: "src/session/output/endings.ts",
    from: "    this.cancelThere(response, link, overdue);\n    for (const itemId of items)",
    to: "    for (const itemId of items)",
    among: ["client.eager_on_off", "caller.barge_in"],
  },
  {
    number: 22,
    what: "the ledger of what is heard does not follow acknowledgements",
    file: "src/session/output/playout.ts",
    from: "    const until = soundsFrom(this.#spans(piece.stream), piece, ms, this.#pausedAt ?? now);\n",
    to: "    const until = null as number | null;\n",
  },
  {
    number: 23,
    what: "a plain client's player goes on in the ledger after it stopped",
    file: "src/session/output/barge-in.ts",
    from: "    } else this.#forgetUnheard(heard);",
    to: "    }",
    among: ["client.never_truncates", "caller.barge_in"],
  },
  {
    number: 24,
    what: "what was interrupted is cut for the client alone",
    file: "src/session/output/barge-in.ts",
    from: '      link?.command({ type: "truncate", itemId, contentIndex: key, audioEndMs: endMs });\n',
    to: "",
  },
  {
    number: 25,
    what: "the player is not told to stop",
    file: "src/session/output/barge-in.ts",
    from: '    for (const id of cleared) this.#port.emit({ type: "output_audio_buffer.cleared", response_id: id });\n',
    to: "",
  },
  {
    number: 26,
    what: "what follows from the parts is not derived after a restore",
    file: "src/session/session.ts",
    from: "    conduct.reactions.restored(snapshot.context.now);\n",
    to: "",
    among: ["platform.crash", "platform.deploy", "client.no_interruption", "client.no_answers"],
  },
  {
    number: 27,
    what: "the position of the turn is forgotten in a restore",
    file: "src/session/turns/present-turn.ts",
    from: "    this.at.restore(snapshot);\n",
    to: "",
    among: ["platform.crash", "platform.deploy"],
  },
  {
    number: 28,
    what: "what waits for the listener is forgotten in a restore",
    file: "src/session/kept-parts.ts",
    from: "part.restore(snapshot[name as Name]);",
    to: 'if (name !== "responses") part.restore(snapshot[name as Name]);',
    among: ["platform.crash", "provider.burst"],
  },
  {
    number: 29,
    what: "the end hangs up nobody",
    file: "src/session/reactions.ts",
    from: "    for (const link of lines) link.hangUp();\n",
    to: "",
  },
  {
    number: 30,
    what: "upstreams that were hung up are not dialled when somebody speaks",
    file: "src/session/links/serving.ts",
    from: "  ensure(): void {\n    this.dial();\n",
    to: "  ensure(): void {\n    if (!this.#parked) this.dial();\n",
  },
  {
    number: 31,
    what: "a turn that goes on after an eager commit is not heard again",
    file: "src/session/turns/advance.ts",
    from: "    this.#turn.flow.again(this.#turn.at.startTicks);\n",
    to: "",
  },
  {
    number: 32,
    what: "what was committed in advance and in vain stays with the provider",
    file: "src/session/turns/eager.ts",
    from: '    for (const link of this.#turnLinks) link.command({ type: "delete", itemId: speculation.alias });\n',
    to: "",
  },
  {
    number: 33,
    what: "a confirmed eager turn is asked about once more",
    file: "src/session/turns/eager.ts",
    from: "    return true;\n  }\n\n  #confirmed",
    to: "    return false;\n  }\n\n  #confirmed",
  },
  {
    number: 34,
    what: "an answer that was cancelled and never ends holds up all that are asked for after it",
    file: "src/upstreams/openai-compatible/responses.ts",
    from: "if (!response.outOfBand && !response.cancelled) return true;",
    to: "if (!response.outOfBand) return true;",
    among: ["provider.stall", "caller.zeros", "caller.barge_in"],
  },
  {
    number: 35,
    what: "a change of the session never reaches the provider",
    file: "src/session/client/session-object.ts",
    from: '      const sent = link.command({ type: "configure", config });',
    to: '      const sent = link.phase === "idle" && link.command({ type: "configure", config });',
  },
  {
    number: 36,
    what: "a successor is not told what changes in the session",
    file: "src/session/links/serving.ts",
    from: '    if (command.type === "configure") this.restate(command);\n',
    to: "",
    among: ["provider.standby", "caller.update", "provider.rollover"],
  },
  {
    number: 37,
    what: "an update that was refused counts as taken",
    file: "src/upstreams/openai-compatible/updates.ts",
    from: "    const open = update.changes.filter(({ path, json }) => this.#sent.get(path) === json);",
    to: "    const open = update.changes.filter(() => false);",
    among: ["provider.refuses_update"],
  },
  {
    number: 38,
    what: "a provider that takes the turns may die unheard",
    file: "src/session/turns/witness.ts",
    from: "      else if (!this.#showed(link)) link.watch(sure ? 0 : this.#context.limits.firstOutputMs);\n",
    to: "",
    among: ["provider.hole_anytime", "provider.mute"],
  },
  {
    number: 39,
    what: "a provider that ended the turn sooner is taken for dead",
    file: "src/session/turns/witness.ts",
    from: "else if (!this.#showed(link)) link.watch",
    to: "else link.watch",
    among: ["provider.ends_turns_early", "caller.barge_in"],
  },
  {
    number: 40,
    what: "who decides by itself does not hear what was said while it was dialled in vain",
    file: "src/session/turns/rehearing.ts",
    from: 'else if (turns === "server") this.#replayAll(link, at);',
    to: 'else if (turns === "server") this.#input.attach(link);',
    among: ["provider.refuse", "provider.no_answer", "provider.reset_in_turn"],
  },
  {
    number: 41,
    what: "upstreams are hung up while somebody speaks or is heard",
    file: "src/session/links/parking.ts",
    from: "    if (!this.#parts.quiet) this.#activeAt = this.#context.now;\n",
    to: "",
  },
  {
    number: 42,
    what: "what is owed is never asked for",
    file: "src/session/output/asking.ts",
    from: "    return this.#who.busy(group) ? [] : group;\n",
    to: "    return [];\n",
    among: ["client.no_interruption", "caller.barge_in"],
  },
  ...DRIVER_MUTATIONS,
  {
    number: 51,
    what: "an agent that gave way to a sound that was nothing is never let go on",
    file: "src/session/floor/judged-sound.ts",
    from: "    way.tell(decision, overlap.silentMs);\n    this.#goOn();\n",
    to: "    way.tell(decision, overlap.silentMs);\n",
  },
  {
    number: 52,
    what: "the floor is not told that the detector begins anew",
    file: "src/session/turns/present-turn.ts",
    from: "    this.parts.floor.abandon();\n",
    to: "",
    among: ["caller.vad_off_on", "caller.cough", "caller.barge_in"],
  },
  {
    number: 53,
    what: "what is owed is asked for while something is being answered",
    file: "src/session/output/asking.ts",
    from: "    return this.#who.busy(group) ? [] : group;\n",
    to: "    return group;\n",
    among: ["client.no_interruption", "caller.barge_in"],
  },
  {
    number: 54,
    what: "who is dialled as a turn begins is told of what was before it",
    file: "src/session/turns/present-turn.ts",
    from: "    this.beginAt(Math.max(this.at.startTicks, prefixTicks, 0), this.at.bufferTicks);\n    this.at.unmadeTicks = this.at.startTicks;\n    for (const link of this.parts.links) link.ensure();\n",
    to: "    for (const link of this.parts.links) link.ensure();\n    this.beginAt(Math.max(this.at.startTicks, prefixTicks, 0), this.at.bufferTicks);\n    this.at.unmadeTicks = this.at.startTicks;\n",
  },
  {
    number: 55,
    what: "as a turn begins only the first upstream is dialled",
    file: "src/session/turns/present-turn.ts",
    from: "    for (const link of this.parts.links) link.ensure();\n    this.context.metric(",
    to: "    this.parts.links[0]?.ensure();\n    this.context.metric(",
  },
  {
    number: 56,
    what: "what follows the end is done all the same",
    file: "src/session/context.ts",
    from: '    this.deadlines.restore([]);\n    this.act({ type: "end", reason });\n    this.#ended = true;\n',
    to: '    this.act({ type: "end", reason });\n',
    among: ["platform.longest", "platform.timer_late", "platform.timer_coarse", "platform.clock_forward"],
  },
  ...LEVEL_MUTATIONS,
  ...PATIENCE_MUTATIONS,
  ...RULE_MUTATIONS,
  ...RACE_MUTATIONS,
  ...PLAN_MUTATIONS,
  ...GUARD_MUTATIONS,
  ...TOOL_MUTATIONS,
  ...MIND_MUTATIONS,
  ...ASIDE_MUTATIONS,
  ...DRAW_MUTATIONS,
].sort((one, other) => one.number - other.number);

/** @throws Error when the code to replace is not there exactly once: then the mutation must be written anew. */
export function mutate(source: string, { number, file, from, to }: Mutation): string {
  const parts = source.split(from);
  if (parts.length !== 2)
    throw new Error(`mutation ${number}: ${file} has its text ${parts.length - 1} times`);
  return parts.join(to);
}
