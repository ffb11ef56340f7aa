/** A deploy under many calls: every session's object dies in one instant, and all of them dial one provider again. */
import { describe, expect, test, vi } from "vitest";
import { NO_KERNELS } from "../../src/audio/kernels.ts";
import { CLIENT, type Input } from "../../src/session/io.ts";
import { Session, type SessionDependencies } from "../../src/session/session.ts";
import { seeded, voice } from "../support/signal.ts";
import { createWireUpstream } from "../support/wire-upstream.ts";

/** A thousand sessions take a while on a machine that has other work. */
vi.setConfig({ testTimeout: 120_000 });

const CALLS = 1000;
const STEP_MS = 10;
const MANUAL = { audio: { input: { turn_detection: null } } };
/** 100 ms. */
const LOUD = new Uint8Array(voice(100).buffer).toBase64();
const QUIET = new Uint8Array(4800).toBase64();
const ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";

interface Storm {
  /** Moments of dials after the deploy, in milliseconds. */
  readonly dials: readonly number[];
  readonly refused: number;
  /** Moments at which calls had their upstream again. */
  readonly back: readonly number[];
  /** The same, of those whose callers speak. */
  readonly backSpeakers: readonly number[];
}

/** Takes so many dials a second, spread evenly, a tenth of a second's at once; refuses the others. */
class Provider {
  readonly dials: number[] = [];
  refused = 0;
  #tokens = 0;
  #at = 0;
  /** Infinity: as many as come. */
  readonly #perSecond: number;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  dialled(now: number): boolean {
    this.dials.push(now);
    if (this.#perSecond === Infinity) return true;
    const most = this.#perSecond / 10;
    this.#tokens = Math.min(most, this.#tokens + ((now - this.#at) * this.#perSecond) / 1000);
    this.#at = now;
    if (this.#tokens < 1) {
      this.refused += 1;
      return false;
    }
    this.#tokens -= 1;
    return true;
  }
}

class Caller {
  session: Session;
  readonly #dependencies: SessionDependencies;
  readonly #setup = {
    id: "s",
    model: "demo",
    plan: {
      name: "demo",
      upstreams: [{ name: "wire", options: { adapter: "wire" } }],
      session: {},
      detector: "energy" as const,
    },
    intent: "conversation" as const,
    session: MANUAL,
  };
  #dial: (peer: string) => void = () => {};
  /** In doubt a session shows what it had. */
  #resumed = true;
  /** When its upstream was ready again. */
  backAt: number | null = null;

  constructor(random: () => number) {
    const drawId = () => Array.from({ length: 21 }, () => ALPHABET[Math.floor(random() * 36)]).join("");
    this.#dependencies = { drawId, kernels: NO_KERNELS, createUpstream: createWireUpstream };
    this.session = new Session(this.#setup, this.#dependencies, 0);
    this.#dial = (peer) => this.opened(peer, 0);
    this.feed({ type: "open", peer: CLIENT, dialect: "duplex.v1" }, 0);
  }

  feed(input: Input, now: number): void {
    for (const action of this.session.handle(input, now)) if (action.type === "dial") this.#dial(action.peer);
  }

  opened(peer: string, now: number): void {
    this.feed({ type: "open", peer }, now);
    this.feed({ type: "message", peer, data: JSON.stringify({ type: "ready" }) }, now);
  }

  say(event: object, now: number): void {
    this.feed({ type: "message", peer: CLIENT, data: JSON.stringify(event) }, now);
  }

  get ready(): boolean {
    return this.#resumed && this.session.state().upstreams.every(({ status }) => status === "ready");
  }

  /** The object dies; its client is back `afterMs` later. */
  die(now: number, dial: (peer: string) => void): () => void {
    const kept = this.session.snapshot();
    this.session = Session.restore(structuredClone(kept), this.#setup, this.#dependencies, now);
    this.#dial = dial;
    this.#resumed = false;
    this.feed({ type: "close", peer: CLIENT, code: 1006, reason: "" }, now);
    this.feed({ type: "close", peer: "up0.1", code: 1006, reason: "" }, now);
    return () => {
      this.#resumed = true;
      const [token = ""] = kept.delivery.tokens;
      this.feed({ type: "open", peer: CLIENT, dialect: "duplex.v1" }, now + 1);
      this.say({ type: "session.resume", resume_token: token, last_received: kept.port.sequence }, now + 1);
    };
  }
}

/** @param busy share of calls in which an answer is under way. @param speaking in which the caller speaks just then. */
function deploy(perSecond: number, busy: number, speaking = 0, audio = LOUD): Storm {
  const random = seeded(7);
  const provider = new Provider(perSecond);
  const plans = new Map<number, (() => void)[]>();
  const at = (when: number, run: () => void): void => {
    const step = Math.ceil(when / STEP_MS);
    plans.set(step, [...(plans.get(step) ?? []), run]);
  };
  let now = 0;
  const callers = Array.from({ length: CALLS }, (_, n) => {
    const caller = new Caller(random);
    if (n < busy * CALLS) caller.say({ type: "response.create" }, 0);
    const dial = (peer: string): void => {
      const taken = provider.dialled(now);
      at(now + 50, () => {
        if (taken) caller.opened(peer, now);
        else caller.feed({ type: "close", peer, code: 0, reason: "HTTP 429" }, now);
      });
    };
    // As the SDK does: 50 to 100 ms, by chance.
    const comeBack = caller.die(0, dial);
    at(50 + 50 * random(), () => {
      comeBack();
      if (n < busy * CALLS || n >= (busy + speaking) * CALLS) return;
      // It sends what nobody acknowledged, and goes on.
      for (let piece = 0; piece < 10; piece += 1)
        caller.say({ type: "input_audio_buffer.append", audio }, now);
    });
    return caller;
  });
  const back: number[] = [];
  const waiting = new Set(callers);
  for (let step = 0; step * STEP_MS < 60_000 && waiting.size > 0; step += 1) {
    now = step * STEP_MS;
    for (const run of plans.get(step) ?? []) run();
    for (const caller of waiting) {
      const { deadline } = caller.session;
      if (deadline !== null && deadline <= now) caller.feed({ type: "timeout" }, now);
      if (!caller.ready) continue;
      caller.backAt = now;
      back.push(now);
      waiting.delete(caller);
    }
  }
  const speakers = callers.slice(busy * CALLS, (busy + speaking) * CALLS);
  const backSpeakers = speakers.map(({ backAt }) => backAt ?? Number.POSITIVE_INFINITY);
  return { dials: provider.dials, refused: provider.refused, back, backSpeakers };
}

/** Dials in the fullest window of so many milliseconds. */
function peak(dials: readonly number[], windowMs: number): number {
  return Math.max(...dials.map((from) => dials.filter((at) => at >= from && at < from + windowMs).length));
}

describe("a deploy under a thousand calls", () => {
  test.each([
    [0.3, 0],
    [0.3, 0.2],
  ])(
    "[L102] whose provider takes a hundred dials a second, %f of which answer and %f hear a caller: all are back, and it is asked by degrees",
    (busy, speaking) => {
      const { dials, back, refused } = deploy(100, busy, speaking);
      expect(back).toHaveLength(CALLS);
      expect(back.at(-1)).toBeLessThan(20_000);
      expect(refused).toBeLessThan(2 * CALLS);
      expect(peak(dials, 1000)).toBeLessThan(0.8 * CALLS);
      expect(peak(dials, 100)).toBeLessThan(0.4 * CALLS);
    },
  );

  test("[L101] dials at once for those that wait for an answer, for all others at some moment of two seconds", () => {
    const { dials, back } = deploy(Infinity, 0.3);
    expect(dials).toHaveLength(CALLS);
    expect(back.filter((at) => at < 200).length).toBeGreaterThanOrEqual(0.3 * CALLS);
    const later = dials.filter((at) => at > 200);
    for (let from = 200; from < 2000; from += 200) {
      const share = later.filter((at) => at >= from && at < from + 200).length / later.length;
      expect(share).toBeGreaterThan(0.05);
      expect(share).toBeLessThan(0.2);
    }
    expect(back.at(-1)).toBeLessThan(2200);
  });
});

describe("callers who speak when their object dies", () => {
  test("[L101] have their upstream again within half a second, where turns are theirs; who sends silence waits", () => {
    const { backSpeakers, dials } = deploy(Infinity, 0, 0.4);
    expect(dials).toHaveLength(CALLS);
    expect(backSpeakers).toHaveLength(0.4 * CALLS);
    expect(Math.max(...backSpeakers)).toBeLessThan(500);
    // Not all in one moment.
    expect(peak(dials, 100)).toBeLessThan(0.3 * CALLS);
    const silent = deploy(Infinity, 0, 0.4, QUIET).backSpeakers;
    expect(silent.filter((at) => at > 1000).length).toBeGreaterThan(0.1 * CALLS);
  });
});

describe("a link that lost its connection", () => {
  /** Milliseconds between the dials of one call whose provider ends them so. */
  function waits(seed: number, reason: string): number[] {
    const caller = new Caller(seeded(seed));
    const dials: number[] = [];
    let now = 0;
    const dial = (peer: string): void => {
      dials.push(now);
      caller.feed({ type: "close", peer, code: 0, reason }, now);
    };
    caller.die(0, dial)();
    for (now = 10; now < 60_000; now += 10) caller.feed({ type: "timeout" }, now);
    return dials.slice(1).map((at, n) => at - (dials[n] ?? 0));
  }

  test("[L100] waits between a half and the whole of its time, another session another part of it", () => {
    const all = Array.from({ length: 20 }, (_, seed) => waits(seed + 1, "HTTP 500"));
    for (const each of all) {
      expect(each).toHaveLength(4);
      for (const [n, ms] of each.entries()) {
        expect(ms).toBeGreaterThanOrEqual(250 * 2 ** n);
        expect(ms).toBeLessThanOrEqual(500 * 2 ** n + 10);
      }
    }
    expect(new Set(all.map(([first]) => first)).size).toBeGreaterThan(10);
    expect(waits(1, "HTTP 500")).toEqual(all[0]);
  });

  test.each(["HTTP 429", "HTTP 503"])("[L100] waits four times as long after %s", (reason) => {
    const [first = 0, second = 0] = waits(3, reason);
    expect(first).toBeGreaterThanOrEqual(1000);
    expect(first).toBeLessThanOrEqual(2010);
    expect(second).toBeGreaterThanOrEqual(2000);
  });
});
