/** A virtual provider: takes calls, and gives answers as its habits and the faults of the call want them. */
import { type Commit, Connection, type Quality, type Receiver } from "./connection.ts";
import type { Performance } from "./performance.ts";
import { ProviderCall } from "./provider-call.ts";
import type { Random } from "./random.ts";
import type { Run } from "./tape.ts";
import type { SimUpstream, UpstreamKind, World } from "./world.ts";

export interface Turn {
  readonly runs: readonly Run[];
  /** Milliseconds of it that are loud. */
  readonly loudMs: number;
  /** Up to where there were turns before it, in samples. */
  readonly after: number;
  /** It was heard again after it: it was none, and has to be taken back. */
  again: boolean;
  /** Its item was deleted. */
  deleted: boolean;
  readonly at: number;
  readonly call: ProviderCall;
}

interface Habits {
  /** What a dial ends with instead of a connection; null: it is taken. */
  refuses: string | null;
  dialMs: number;
  /** Never answers the call, neither yes nor no. */
  picksUp: boolean;
  /** Answers `session.update`. */
  configures: boolean;
  /** Hangs up so soon after it was configured; null: it does not. */
  diesAfterReadyMs: number | null;
  /** So many changes of the session are refused, after the greeting. */
  refusesUpdates: number;
  /** Silence after which it ends a turn by itself. */
  vadSilenceMs: number;
  /** Its names begin anew with every connection. */
  repeatsIds: boolean;
}

/** A commit that waits for its asking goes without it after 5 s (`codec-watch.ts`); a timer is no earlier than this. */
const UNASKED_MS = 4999;

export interface Ask {
  readonly at: number;
  /** Grok begins an answer to each commit: this one; null: it was asked. */
  readonly commit: Commit | null;
}

/** The relay had held the commit for as long as it does, and nobody had asked: its answer is nobody's wish. */
export function heldInVain({ commit }: Ask): boolean {
  return commit !== null && commit.waitedMs >= UNASKED_MS;
}

/** Grok began it to a turn that it was only told of: one from before its time, or one that nobody asked about. */
export function onlyTold(ask: Ask): boolean {
  return ask.commit?.followed === true || heldInVain(ask);
}

export class Provider {
  readonly name: string;
  readonly kind: UpstreamKind;
  readonly url: string;
  readonly keepsIds: boolean;
  readonly echoesMetadata: boolean;
  readonly abandons: boolean;
  readonly habits: Habits;
  /** Turns of the caller, over all connections. */
  readonly turns: Turn[] = [];
  readonly calls: ProviderCall[] = [];
  readonly #connections: Connection[] = [];
  readonly answers: { readonly number: number; readonly status: string; readonly audioMs: number }[] = [];
  /** Answers that the relay cancelled: when they were asked for, and when the cancel came. */
  readonly cancelled: { readonly askedAt: number; readonly at: number }[] = [];
  /** Answers that were asked for, or that it began by itself. */
  readonly asks: Ask[] = [];
  /** Turns that were committed, those that were taken back among them. */
  commits = 0;
  /** Runs when a change of the session was refused. */
  onRefusedUpdate: () => void = () => {};
  /** Faults look at each answer before it begins. */
  readonly onAnswer: ((performance: Performance) => void)[] = [];
  readonly onCall: ((call: ProviderCall) => void)[] = [];
  /** Nothing more comes of this one, and its line is still there. */
  silenced: ProviderCall | null = null;
  /** A turn ends that it takes by itself, and nothing was said of that. */
  onTurnEnd: ((call: ProviderCall) => void) | null = null;
  readonly #world: World;
  readonly #random: Random;
  readonly #quality: Quality;

  constructor(world: World, upstream: SimUpstream, quality: Quality, random: Random) {
    this.#world = world;
    this.#random = random;
    this.#quality = quality;
    this.name = upstream.name;
    this.kind = upstream.kind;
    this.url = `https://${upstream.name}.sim/v1/realtime`;
    this.keepsIds = upstream.profile === "openai";
    this.echoesMetadata = upstream.profile === "openai";
    this.abandons = upstream.profile === "xai";
    this.habits = {
      refuses: null,
      dialMs: random.between(20, 150),
      picksUp: true,
      configures: true,
      diesAfterReadyMs: null,
      refusesUpdates: 0,
      vadSilenceMs: 500,
      repeatsIds: false,
    };
  }

  prepare(performance: Performance): void {
    for (const look of this.onAnswer) look(performance);
  }

  /** Of an answer that it was asked for by its name; what is judged by names is judged of OpenAI alone. */
  get repeatsMetadata(): boolean {
    return this.echoesMetadata || this.abandons;
  }

  /** Dials. `near` is told of the opening by `opened`, of everything else as a receiver. */
  dial(near: Receiver, opened: (connection: Connection) => void): { hangUp(code: number): void } {
    const { time, checks } = this.#world;
    const { refuses, picksUp, dialMs } = this.habits;
    let over = false;
    let connection: Connection | null = null;
    if (refuses !== null) checks.strike("provider.refuse");
    if (!picksUp) checks.strike("provider.no_answer");
    if (picksUp || refuses !== null) {
      time.after(dialMs, () => {
        if (over) return;
        if (refuses !== null) {
          over = true;
          near.closed(0, refuses);
          return;
        }
        connection = this.#accept(near);
        opened(connection);
      });
    }
    return {
      hangUp: (code) => {
        over = true;
        connection?.detach("near");
        connection?.close("near", code, "");
      },
    };
  }

  #accept(near: Receiver): Connection {
    const connection = new Connection(this.#world.time, this.#random.fork(), { ...this.#quality });
    connection.attach("near", near);
    this.#connections.push(connection);
    const call = new ProviderCall(
      this.#world,
      this,
      connection,
      this.#random.fork(),
      `${this.name}.${this.calls.length + 1}`,
    );
    this.calls.push(call);
    for (const look of this.onCall) look(call);
    return connection;
  }

  /** Connections that are open now. */
  get open(): readonly ProviderCall[] {
    return this.calls.filter((call) => call.open);
  }

  /** For how long in all what the relay had said before kept its goodbyes back. */
  get goodbyesWaitedMs(): number {
    return this.#connections.reduce((sum, { goodbyeWaitedMs }) => sum + goodbyeWaitedMs, 0);
  }

  /** Milliseconds for which connections were open: what a provider bills. */
  openMs(now: number): number {
    return this.calls.reduce((sum, call) => sum + (call.closedAt ?? now) - call.openedAt, 0);
  }
}
