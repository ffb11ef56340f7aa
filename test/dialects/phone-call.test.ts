import { describe, expect, test } from "vitest";
import { encodeMulaw } from "../../src/audio/g711.ts";
import { CLIENT } from "../../src/session/io.ts";
import { Phone } from "../../tools/phone/phone.ts";
import { Call, type CallOptions } from "../support/call.ts";
import { voice } from "../support/signal.ts";

const MU_LAW = { type: "audio/pcmu" } as const;
const G711 = { name: "wire", options: { adapter: "wire", settings: { input: MU_LAW, output: MU_LAW } } };
const FRAME = 160;
const SILENCE = 0xff;
/** The agent's voice: no byte of it is silence. */
const AGENT = 0x40;

function spoken(ms: number): Uint8Array {
  const at24k = voice(ms);
  const at8k = Int16Array.from({ length: at24k.length / 3 }, (_, at) => at24k[at * 3] ?? 0);
  const bytes = new Uint8Array(at8k.length);
  encodeMulaw(at8k, bytes);
  return bytes;
}

/** A telephone that is so far away, in the session's own time. */
class DistantPhone {
  readonly call: Call;
  readonly phone: Phone;
  readonly #delayMs: number;
  #speech: Uint8Array = new Uint8Array();
  #at = 0;
  #seen = 0;
  readonly #up: { readonly at: number; readonly data: string }[] = [];
  readonly #down: { readonly at: number; readonly data: string }[] = [];

  constructor(delayMs: number, leadMs = 400, options: CallOptions = {}) {
    this.#delayMs = delayMs;
    this.call = new Call({
      dialect: "twilio",
      dialectSettings: { call: "CA1", greeting: true, keys: true },
      upstreams: [G711],
      session: {
        audio: { input: { format: MU_LAW }, output: { format: MU_LAW } },
        relay: { lead_ms: leadMs },
      },
      ...options,
    });
    this.phone = new Phone({ callSid: "CA1", streamSid: "MZ1" }, this.call.now, () => this.#voice());
    for (const data of this.phone.begin()) this.call.client(data);
  }

  #voice(): Uint8Array | null {
    const frame = this.#speech.subarray(this.#at, this.#at + FRAME);
    this.#at += FRAME;
    return frame.length === FRAME ? frame : null;
  }

  speak(ms: number): void {
    this.#speech = spoken(ms);
    this.#at = 0;
  }

  run(ms: number): void {
    for (const until = this.call.now + ms; this.call.now < until;) {
      this.call.advance(5);
      const { now } = this.call;
      for (const data of this.phone.tick(now)) this.#up.push({ at: now + this.#delayMs, data });
      while ((this.#down[0]?.at ?? Infinity) <= now)
        for (const data of this.phone.receive(this.#down.shift()?.data ?? ""))
          this.#up.push({ at: now + this.#delayMs, data });
      while ((this.#up[0]?.at ?? Infinity) <= now) this.call.client(this.#up.shift()?.data ?? "");
      for (; this.#seen < this.call.events.length; this.#seen += 1)
        this.#down.push({ at: now + this.#delayMs, data: JSON.stringify(this.call.events[this.#seen]) });
    }
  }

  say(ms: number): void {
    const audio = new Uint8Array(ms * 8).fill(AGENT).toBase64();
    this.call.beginAnswer();
    this.call.upstream({ type: "audio", response: "r", item: "i", audio });
    this.call.finishAnswer();
  }

  /** Milliseconds of the agent that came out of the loudspeaker. */
  get heardMs(): number {
    return this.phone.heard.filter((byte) => byte !== SILENCE).length / 8;
  }

  get truncatedMs(): number | null {
    const command = this.call.commands().findLast((each) => each.type === "truncate");
    return command?.type === "truncate" ? command.audioEndMs : null;
  }
}

describe("a caller who speaks over the agent", () => {
  test.each([
    [0, 400],
    [15, 400],
    [60, 400],
    [120, 400],
    [0, 3000],
    [60, 3000],
    [120, 3000],
  ])(
    "[N3] %i ms from the relay, with a lead of %i ms: the cut is where they stopped hearing",
    (delayMs, leadMs) => {
      const far = new DistantPhone(delayMs, leadMs);
      far.say(8000);
      far.run(2500);
      expect(far.heardMs).toBeGreaterThan(2000);
      far.speak(1500);
      far.run(2500);
      // The agent goes on quieter while the sound is judged: there is something to throw away.
      expect(far.phone.clears).toBe(1);
      expect(far.phone.faults).toEqual([]);
      const truncated = far.truncatedMs ?? Number.NaN;
      // What is said on the way there and back is heard and not known.
      expect(far.heardMs - truncated).toBeGreaterThanOrEqual(-20);
      expect(far.heardMs - truncated).toBeLessThanOrEqual(2 * delayMs + 40);
      // And nothing more comes.
      const heard = far.heardMs;
      far.run(1000);
      expect(far.heardMs).toBe(heard);
    },
  );

  test("[N3] who only says mhm hears the rest, all of it", () => {
    const far = new DistantPhone(30);
    far.say(4000);
    far.run(1500);
    far.speak(200);
    far.run(6000);
    expect(far.phone.clears).toBe(0);
    expect(far.heardMs).toBe(4000);
  });

  test("[N3] the agent is at most its lead ahead of the telephone, and every mark comes back", () => {
    const far = new DistantPhone(30);
    far.say(6000);
    let most = 0;
    for (let at = 0; at < 6500; at += 20) {
      far.run(20);
      most = Math.max(most, far.phone.receivedMs - far.heardMs);
    }
    expect(most).toBeLessThanOrEqual(500);
    expect(far.heardMs).toBe(6000);
    expect(far.phone.playing).toBe(false);
    expect(far.phone.marksSent).toBeGreaterThanOrEqual(45);
  });

  test("[N8] whose connection breaks in the agent's sentence hears the rest of it on the next", () => {
    const far = new DistantPhone(20);
    far.say(3000);
    far.run(1000);
    const before = far.heardMs;
    far.call.open.delete(CLIENT);
    far.call.input({ type: "close", peer: CLIENT, code: 1006, reason: "" });
    far.call.advance(3000);
    far.call.connect("twilio");
    const next = new Phone({ callSid: "CA1", streamSid: "MZ2" }, far.call.now, () => null);
    let seen = far.call.events.length;
    for (const data of next.begin()) far.call.client(data);
    for (let at = 0; at < 4000; at += 20) {
      far.call.advance(20);
      for (const data of next.tick(far.call.now)) far.call.client(data);
      for (; seen < far.call.events.length; seen += 1)
        for (const data of next.receive(JSON.stringify(far.call.events[seen]))) far.call.client(data);
    }
    expect(next.faults).toEqual([]);
    const after = next.heard.filter((byte) => byte !== SILENCE).length / 8;
    // Not a word is lost; what was heard and whose mark was under way is heard again.
    expect(before + after).toBeGreaterThanOrEqual(3000);
    expect(before + after).toBeLessThanOrEqual(3000 + 160);
  });
});

describe("a caller who is not answered yet", () => {
  const sounds = [{ rateHz: 8000, samples: new Int16Array(8 * 300).fill(8000) }];
  const fillers = { afterMs: 500, everyMs: 5000, most: 1, whileTool: false, sounds };

  test("[X293] hears a filler, with marks that come back, and the answer whole and at most 50 ms later for it", () => {
    const far = new DistantPhone(30, 400, { fillers });
    far.run(480);
    expect(far.heardMs).toBe(0);
    far.run(1500);
    // Its resampled ends may be silent.
    expect(far.heardMs).toBeGreaterThan(280);
    expect(far.heardMs).toBeLessThanOrEqual(320);
    const before = far.heardMs;
    far.say(1000);
    far.run(2000);
    expect(far.heardMs - before).toBe(1000);
    const cut = new DistantPhone(30, 400, { fillers });
    cut.run(650);
    const begun = cut.heardMs;
    cut.say(1000);
    cut.run(30 + 40 + 60);
    // What of the filler was under way and 50 ms more at most were heard of it.
    const later = cut.heardMs;
    cut.run(3000);
    expect(begun).toBeGreaterThan(50);
    expect(cut.heardMs - begun - 1000).toBeLessThanOrEqual(30 + 50 + 20);
    expect(later).toBeGreaterThan(begun);
    for (const one of [far, cut]) {
      expect(one.phone.faults).toEqual([]);
      expect(one.call.events.some(({ event }) => event === "error")).toBe(false);
    }
  });

  test("[X296] who speaks over a filler is not spoken over: the carrier's player is emptied", () => {
    const long = [{ rateHz: 8000, samples: new Int16Array(8 * 3000).fill(8000) }];
    const far = new DistantPhone(30, 400, { fillers: { ...fillers, sounds: long } });
    far.run(900);
    far.speak(1500);
    far.run(1200);
    const heard = far.heardMs;
    far.run(600);
    expect(far.heardMs).toBe(heard);
    expect(heard).toBeLessThan(1000);
    expect(far.phone.faults).toEqual([]);
  });
});
