/**
 * A snapshot without what was said: no sample of either side is left in it, and it says so in the words that the session
 * has for audio that was not kept. A session that is built from it goes on with the conversation as text.
 */
import { durationMs } from "../audio/format.ts";
import type { BlocksSnapshot } from "../audio/blocks.ts";
import { Fallen } from "./client/fallen.ts";
import type { OutboxSnapshot, Sent } from "./client/outbox.ts";
import { Lane, type LaneSnapshot } from "./output/lane.ts";
import type { LaneEvent } from "./state/upstream-said.ts";
import type { SessionSnapshot } from "./session.ts";

const VIEWS = [Uint8Array, Int16Array, Uint16Array, Int32Array, Float32Array, Float64Array] as const;
/** An event that shows an item's audio. Inside a text of anybody's the quotes would be escaped. */
const SHOWS_AUDIO = /"audio":"[^"]/;

/** @returns a copy; what has no audio in it may be shared with `snapshot`. */
export function silenced(snapshot: SessionSnapshot): SessionSnapshot {
  const { port, input, conversation, responses } = snapshot;
  const streams = input.streams.map((stream) => ({
    ...stream,
    ring: { held: 0, audio: forgotten(stream.ring.audio) },
  }));
  const audio = conversation.audio.map((recording) => ({ ...recording, audio: forgotten(recording.audio) }));
  const gate = responses.gate.map(([id, ...lane]) => [id, ...refused(lane)] as const);
  return muted({
    ...snapshot,
    port: { ...port, outbox: withoutFrames(port.outbox) },
    input: { ...input, streams },
    conversation: { ...conversation, audio },
    responses: { ...responses, gate },
  });
}

/** It is as long as it was, and holds nothing. */
function forgotten({ start, blocks }: BlocksSnapshot): BlocksSnapshot {
  return { start: blocks.reduce((end, block) => end + block.byteLength, start), blocks: [] };
}

/** What cannot be sent again is missing in the verdict of a resume, by number. */
function withoutFrames({ groups, skip, fallen }: OutboxSnapshot): OutboxSnapshot {
  const kept: Sent[] = [];
  const gone = new Fallen();
  gone.restore(fallen);
  for (const message of groups.flat().slice(skip)) {
    if (typeof message.data === "string" && !SHOWS_AUDIO.test(message.data)) kept.push(message);
    else gone.add(message.sequence, message.audioMs);
  }
  return { groups: kept.length > 0 ? [kept] : [], skip: 0, fallen: gone.snapshot() };
}

/** As if the lane had been full: what ends here did not complete. */
function refused([queue, items]: LaneSnapshot): LaneSnapshot {
  const waiting = queue.map((event): LaneEvent => {
    if (event.type !== "audio") return event;
    const { item, part = 0, format, bytes } = event;
    return { type: "audio.refused", item, part, ms: durationMs(format, bytes.byteLength) };
  });
  const silent = queue.flatMap((event) => (event.type === "audio" ? [event.item] : []));
  const all = [...new Set([...items, ...silent])];
  const lane = Lane.restore([waiting, all]);
  return [waiting.map((event) => lane.honest(event)), all];
}

/** Views hold samples or what was made of them: they are zeros. Items and commands are without their audio. */
function muted<T>(node: T): T {
  return mute(node) as T;
}

function mute(node: unknown): unknown {
  if (typeof node !== "object" || node === null) return node;
  if (Array.isArray(node)) return node.filter((each) => !isAudioCommand(each)).map(mute);
  for (const View of VIEWS) if (node instanceof View) return new View(node.length);
  const members = Object.entries(node).map(([name, value]) => [name, mute(value)] as const);
  return Object.fromEntries(isAudioPart(node) ? members.filter(([name]) => name !== "audio") : members);
}

/** Of those that wait for a connection. */
function isAudioCommand(node: unknown): boolean {
  return (
    typeof node === "object" &&
    node !== null &&
    "bytes" in node &&
    node.bytes instanceof Uint8Array &&
    "type" in node &&
    node.type === "audio"
  );
}

function isAudioPart(node: object): boolean {
  return "type" in node && "audio" in node && typeof node.audio === "string";
}
