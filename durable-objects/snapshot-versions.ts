/**
 * Snapshots that another build of the relay stored: every deploy and every rollback makes one build read what another
 * wrote. A snapshot is of the present version, or there is a reader that makes it one; anything else is refused whole,
 * because a session that misses a member fails later, in the middle of a call.
 *
 * A change of what a snapshot holds is a new `SNAPSHOT_VERSION`, a reader here that brings the former version forward,
 * and a golden snapshot of the new one (`node tools/golden-snapshot.ts`). Readers older than one version go.
 */
import { SNAPSHOT_VERSION, type SessionSnapshot } from "../src/session/session.ts";

type Members = Readonly<Record<string, unknown>>;
/** By the version they read; the answer is of the next one. */
export type SnapshotReaders = ReadonlyMap<number, (stored: Members) => Members>;

/** Nothing before version 2 was checked when it was read, nor is of one shape: there is no reader for it. */
const READERS: SnapshotReaders = new Map();

/**
 * The part whose members are the client's: it was checked when it was given, and there is more than one kind of each
 * (`max_output_tokens` is "inf" or a number, `tool_choice` a word or an object).
 */
const CHOSEN = "config";

/** What is stored is no snapshot that this build can go on with. Its message names members, never what is in them. */
export class UnreadableSnapshot extends Error {
  override readonly name = "UnreadableSnapshot";
}

/**
 * @param fresh a snapshot of a session of the same setup that has just begun: it says which members there must be.
 * @throws UnreadableSnapshot
 */
export function readSnapshot(
  stored: unknown,
  fresh: SessionSnapshot,
  readers: SnapshotReaders = READERS,
): SessionSnapshot {
  const snapshot = upgrade(stored, readers);
  requireMembers(snapshot, fresh, "");
  for (const [name, part] of Object.entries(fresh)) {
    // The version is read; parts in lists, and what is deeper, differ from state to state.
    if (isMembers(part) && isMembers(snapshot[name]))
      requireMembers(snapshot[name], part, `${name}.`, name === CHOSEN);
  }
  return snapshot as unknown as SessionSnapshot;
}

function upgrade(stored: unknown, readers: SnapshotReaders): Members {
  if (!isMembers(stored)) throw new UnreadableSnapshot("a snapshot is an object");
  const { version } = stored;
  if (version === SNAPSHOT_VERSION) return stored;
  const read = typeof version === "number" ? readers.get(version) : undefined;
  if (read === undefined || version !== SNAPSHOT_VERSION - 1) {
    throw new UnreadableSnapshot("a snapshot of a version that this build has no reader for");
  }
  return { ...read(stored), version: SNAPSHOT_VERSION };
}

/** @param anyKind its members must be there, whatever they are */
function requireMembers(found: Members, wanted: object, prefix: string, anyKind = false): void {
  for (const [name, example] of Object.entries(wanted)) {
    const value = found[name];
    const kind = kindOf(value);
    // What may be null says nothing of what else it may be.
    const fits =
      kind !== "undefined" && (anyKind || kind === "null" || example === null || kind === kindOf(example));
    if (!fits) throw new UnreadableSnapshot(`a snapshot's member ${prefix}${name} is ${kind}`);
  }
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "list" : typeof value;
}

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}
