/**
 * What a live session uses of its API key's budgets: answers in a minute, minutes of talk in a day. It holds a small share
 * of each, draws the next one from the key's ledger before that is gone, and gives back what it does not need. None of it
 * is on the path of a frame or an answer. While the ledger cannot be asked the session goes on, and what it used is told
 * when the ledger can.
 */
import type { Input } from "../src/session/io.ts";
import type { MetricName } from "../src/session/metrics.ts";
import type { CallSetup } from "./call-setup.ts";
import type { Dial } from "./dial.ts";
import type { RelayEnv } from "./env.ts";
import type { Grant, Used } from "./key-ledger-rpc.ts";
import { type Budgets, budgetsOf, type DefaultLimits, doorLimits } from "./api-key.ts";
import { apiKeyById } from "./key-store.ts";
import type { Clock } from "./timer.ts";

/** More than the ledger keeps a share for. */
const EVERY_MS = 50_000;
/** Talk that is left when the next share is asked for. */
const AHEAD_MS = 10_000;
const RETRY_MS = 5000;
/** What a session used is told after its end as well, for so many times that the ledger cannot be asked. */
const LAST_TRIES = 6;
const LEAST_MS = 1000;

export interface KeyAccountHost {
  readonly clock: Clock;
  /** The key's present budgets; null: it has none, or is not known. */
  budgets(): Promise<Budgets | null>;
  draw(used: Used, budgets: Budgets, want: "share" | "nothing"): Promise<Grant>;
  feed(input: Extract<Input, { type: "allowance" | "spent" }>): void;
  metric(name: MetricName, value: number): void;
}

/** A share, and of what. */
export interface Drawn {
  readonly grant: Grant;
  readonly budgets: Budgets;
}

const UNCOUNTED: Grant = { answers: null, talkMs: null, answersAt: 0, talkAt: 0 };

export class KeyAccount {
  readonly #host: KeyAccountHost;
  /** Answers that the session asked for, in all, and of them those that the ledger knows of. */
  #asked = 0;
  #told = 0;
  /** Talk that the ledger does not know of, without what is under way. */
  #talkMs = 0;
  /** Since when it is connected to a provider; null: it is not. */
  #talkingSince: number | null = null;
  #drawn: Drawn | null = null;
  /** It is known whether the key has budgets. */
  #known = false;
  #drawing = false;
  #again = false;
  #awake = false;
  #cancel: (() => void) | null = null;

  constructor(host: KeyAccountHost) {
    this.#host = host;
  }

  /**
   * @param drawn what the door has drawn for the session; null: the key has no budgets; undefined: nobody has asked.
   */
  start(drawn?: Drawn | null): void {
    if (this.#awake) return;
    this.#awake = true;
    this.#cancel?.();
    if (drawn === undefined) return void this.#draw();
    if (drawn === null) this.#known = true;
    else this.#got(drawn);
    this.#aim();
  }

  /** The session sleeps or is over. What it used is told, and what is left of its share is free. */
  async stop(): Promise<void> {
    if (!this.#awake) return;
    this.#awake = false;
    this.#cancel?.();
    this.#cancel = null;
    this.talking(false);
    // A draw that is under way gives its share back when it is there.
    if (!this.#drawing) await this.#giveBack();
  }

  async #giveBack(): Promise<void> {
    const drawn = this.#drawn;
    this.#drawn = null;
    if (drawn !== null || !this.#known) await this.#tellLast(drawn?.budgets ?? null, LAST_TRIES);
  }

  /** Nobody asks any more: while it cannot be told it is tried again by itself. @param budgets null: nobody knew them. */
  async #tellLast(budgets: Budgets | null, tries: number): Promise<void> {
    const used = this.#take();
    try {
      const known = budgets ?? (await this.#host.budgets());
      if (known !== null) await this.#host.draw(used, known, "nothing");
    } catch (error) {
      this.#untold(used);
      if (tries > 0 && !this.#awake) {
        this.#cancel = this.#host.clock.schedule(() => {
          this.#cancel = null;
          this.#tellLast(budgets, tries - 1).catch(() => {});
        }, RETRY_MS);
      }
      throw error;
    }
  }

  /** The ledger could not be asked: it is told with the next. */
  #untold(used: Used): void {
    this.#told -= used.answers;
    this.#talkMs += used.talkMs;
  }

  asked(): void {
    this.#asked += 1;
    if (this.#drawn?.budgets.answersPerMinute != null) void this.#draw();
  }

  /** Dials, and counts the time in which there is a connection or one is dialled. */
  counted(dial: Dial): Dial {
    let open = 0;
    return (request, events) => {
      let over = false;
      open += 1;
      if (open === 1) this.talking(true);
      const end = (): void => {
        if (over) return;
        over = true;
        open -= 1;
        if (open === 0) this.talking(false);
      };
      const call = dial(request, {
        ...events,
        closed: (code, reason) => {
          end();
          events.closed(code, reason);
        },
      });
      return {
        hangUp: (code, reason) => {
          end();
          call.hangUp(code, reason);
        },
      };
    };
  }

  /** A call is on; or none is any more. */
  talking(on: boolean): void {
    const now = this.#host.clock.now();
    if (this.#talkingSince !== null) this.#count(now - this.#talkingSince);
    this.#talkingSince = on ? now : null;
    if (this.#awake) this.#aim();
  }

  #count(ms: number): void {
    const talked = Math.max(0, ms);
    this.#talkMs += talked;
    this.#host.metric("talk_ms", talked);
  }

  /** What the ledger is told next. */
  #take(): Used {
    if (this.#talkingSince !== null) {
      const now = this.#host.clock.now();
      this.#count(now - this.#talkingSince);
      this.#talkingSince = now;
    }
    const used = { answers: this.#asked - this.#told, talkMs: this.#talkMs };
    this.#told = this.#asked;
    this.#talkMs = 0;
    return used;
  }

  async #draw(): Promise<void> {
    if (this.#drawing) {
      this.#again = true;
      return;
    }
    this.#drawing = true;
    const reached = await this.#ask();
    this.#drawing = false;
    // What cannot be given back is free by itself, soon.
    if (!this.#awake) return this.#giveBack().catch(() => {});
    const again = this.#again;
    this.#again = false;
    if (again) return this.#draw();
    this.#aim(reached ? EVERY_MS : RETRY_MS);
  }

  /** @returns false: the ledger could not be asked, and what was used is told with the next. */
  async #ask(): Promise<boolean> {
    const used = this.#take();
    try {
      const budgets = await this.#host.budgets();
      this.#known ||= budgets === null;
      this.#got(budgets && { budgets, grant: await this.#host.draw(used, budgets, "share") });
      return true;
    } catch {
      this.#untold(used);
      this.#got(this.#drawn && { ...this.#drawn, grant: UNCOUNTED });
      return false;
    }
  }

  /** Null: the key has no budgets. */
  #got(drawn: Drawn | null): void {
    this.#known ||= drawn !== null;
    this.#drawn = drawn;
    const { answers, answersAt } = drawn?.grant ?? { answers: null, answersAt: 0 };
    const perMinute = drawn?.budgets.answersPerMinute ?? null;
    const allowance =
      answers === null || perMinute === null
        ? null
        : { upTo: this.#told + answers, perMinute, moreAt: answersAt };
    if (this.#awake) this.#host.feed({ type: "allowance", allowance });
  }

  /** Talk that is left of the share; Infinity: it is not counted. */
  get #leftMs(): number {
    const granted = this.#drawn?.grant.talkMs ?? null;
    if (granted === null || this.#drawn?.budgets.minutesPerDay === null) return Infinity;
    const running = this.#talkingSince === null ? 0 : this.#host.clock.now() - this.#talkingSince;
    return granted - this.#talkMs - running;
  }

  /** Until there may be answers again; Infinity: there are some. */
  get #moreAnswersMs(): number {
    const { answers = null, answersAt = 0 } = this.#drawn?.grant ?? {};
    if (answers === null || this.#told + answers > this.#asked) return Infinity;
    return Math.max(LEAST_MS, answersAt - this.#host.clock.now());
  }

  #aim(mostMs = EVERY_MS): void {
    this.#cancel?.();
    const left = this.#talkingSince === null ? Infinity : this.#leftMs;
    if (left <= 0 && this.#drawn?.grant.talkMs === 0) return this.#spent(this.#drawn);
    const talkMs = left > AHEAD_MS ? left - AHEAD_MS : Math.max(0, left);
    const wait = Math.min(mostMs, talkMs, this.#moreAnswersMs);
    this.#cancel = this.#host.clock.schedule(() => {
      this.#cancel = null;
      void this.#draw();
    }, wait);
  }

  /** The last share is used up, and there is no other. */
  #spent({ grant, budgets }: Drawn): void {
    this.#cancel = null;
    this.#host.metric("sessions_spent", 1);
    this.#host.feed({ type: "spent", message: talkSpent(budgets, grant) });
  }
}

/** For people: what is used up, and until when. */
export function talkSpent({ minutesPerDay }: Budgets, { talkAt }: Grant): string {
  return `This API key's minutes of talk a day, ${minutesPerDay}, are used up: there are more from ${new Date(talkAt).toISOString()}.`;
}

/** Of the session's key. @param defaults `limits` of relay.config.ts. */
export function keyAccount(
  env: RelayEnv,
  { id, keyId }: CallSetup,
  defaults: DefaultLimits,
  { clock, feed, metric }: Pick<KeyAccountHost, "clock" | "feed" | "metric">,
): KeyAccount {
  const namespace = env.KEY_LEDGER;
  return new KeyAccount({
    clock,
    feed,
    metric,
    budgets: async () => {
      // Whether it was on loopback the door knew.
      const key =
        namespace === undefined ? null : (doorLimits(keyId) ?? (await apiKeyById(env, true, keyId)));
      return key && budgetsOf(key, defaults);
    },
    draw: (used, budgets, want) => {
      if (namespace === undefined) throw new Error("drawn without a ledger");
      return namespace.get(namespace.idFromName(keyId)).draw(`sess_${id}`, used, budgets, want);
    },
  });
}
