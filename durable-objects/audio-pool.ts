/**
 * Audio that the sessions of this isolate keep: they share its 128 MB. Each has its own small bound; what is left of the
 * whole is shared in equal parts by those that need more, because nobody knows the words of what their callers said.
 */
import { DEFAULT_LIMITS } from "../src/session/limits.ts";
import type { AudioPool } from "../src/session/session.ts";

type Member = Parameters<AudioPool["share"]>[0];

/** Forty calls that keep as little as any call does (`npm run bench -- memory`). */
const ALL_BYTES = 40 * DEFAULT_LIMITS.archiveBytes;

export class IsolateAudio implements AudioPool {
  readonly #allBytes: number;
  readonly #leastBytes: number;
  /** A session that is forgotten gives its part back when its memory is. */
  readonly #members = new Set<WeakRef<Member>>();

  constructor(allBytes = ALL_BYTES, leastBytes = DEFAULT_LIMITS.archiveBytes) {
    this.#allBytes = allBytes;
    this.#leastBytes = leastBytes;
  }

  join(member: Member): void {
    this.#members.add(new WeakRef(member));
  }

  share(member: Member): number {
    let left = this.#allBytes;
    let needers = 0;
    for (const reference of this.#members) {
      const other = reference.deref();
      if (other === undefined) {
        this.#members.delete(reference);
        continue;
      }
      left -= this.#leastBytes;
      if (other === member || other.bytes > this.#leastBytes) needers += 1;
    }
    return this.#leastBytes + Math.max(0, left) / Math.max(1, needers);
  }
}

export const isolateAudio = new IsolateAudio();
