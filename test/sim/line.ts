/** The client's connection to the relay: dialled, lost, dialled again; what is sent while there is none waits. */
import { FRAME_AUDIO, writeFrame } from "../../src/protocol/frame.ts";
import type { Dialect } from "../../src/session/io.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { brief } from "./checks.ts";
import { Connection, type Data } from "./connection.ts";
import { DuplexWire } from "./duplex-wire.ts";
import type { Random } from "./random.ts";
import type { Relay } from "./relay.ts";
import type { World } from "./world.ts";

export interface LineHost {
  receive(data: Data): void;
  /** There is no coming back: why. */
  lost(what: string): void;
}

export class Line {
  wire: DuplexWire;
  dialect: Dialect;
  connection: Connection | null = null;
  over = false;
  /** It vanished while the relay rested (docs/reliability.md, "Sleep"). */
  restedOn = false;
  /** Until a lost connection is dialled again. */
  redialMs: () => number;
  /** From a new connection to its `session.resume`. */
  resumeAfterMs: () => number = () => 0;
  /** When the line was down, as the client sees it; the second moment is that of the verdict. */
  readonly outages: { readonly from: number; to: number }[] = [];
  /** When it last asked for another configuration. */
  updatedAt = Number.NEGATIVE_INFINITY;
  /** When it last asked for an answer. */
  askedAt = 0;
  /** A connection that has not said yet that it goes on with the call. */
  #slow: Connection | null = null;
  readonly #world: World;
  readonly #relay: Relay;
  readonly #random: Random;
  readonly #host: LineHost;

  constructor(world: World, relay: Relay, random: Random, host: LineHost) {
    this.#world = world;
    this.#relay = relay;
    this.#random = random;
    this.#host = host;
    this.wire = new DuplexWire(world);
    this.dialect = world.scenario.dialect;
    this.redialMs = () => random.between(20, 600);
  }

  get extended(): boolean {
    return this.dialect === "duplex.v1";
  }

  dial(): Connection {
    const { time, scenario } = this.#world;
    const connection: Connection = new Connection(time, this.#random.fork(), { ...scenario.clientQuality });
    this.connection = connection;
    connection.attach("far", {
      message: (data) => {
        if (this.connection === connection) this.#host.receive(data);
      },
      closed: (code, reason) => {
        if (this.connection === connection) this.#closed(code, reason);
      },
    });
    const token = this.wire.resumeToken;
    this.wire.connected();
    this.wire.resuming = token !== null;
    time.after(connection.quality.delayMs, () => {
      if (this.connection !== connection) return;
      const accepted = this.#relay.accept(connection, { dialect: this.dialect, token });
      if (accepted === "later") this.#later(connection);
      else if (!accepted) this.#refused();
      else if (token !== null) this.#resume(connection);
    });
    return connection;
  }

  /** Whose object died, and who comes back in time, is to find the session. */
  #refused(): void {
    const { checks, scenario, time } = this.#world;
    const awayMs = time.now - (this.outages.at(-1)?.from ?? time.now);
    const inTime = awayMs < (scenario.limits.clientGoneMs ?? 0) / 2;
    if (inTime && scenario.faults.includes("platform.alarm_after_death"))
      checks.fail("not-waited-for", `a client that was away for ${Math.round(awayMs)} ms finds no session`);
    this.lose("refused");
  }

  #later(connection: Connection): void {
    this.connection = null;
    connection.detach("far");
    this.#world.time.after(this.redialMs(), () => {
      if (!this.over && this.connection === null) this.dial();
    });
  }

  #resume(connection: Connection): void {
    const ms = this.resumeAfterMs();
    if (ms === 0) return this.put(JSON.stringify(this.wire.resume()));
    // Who is too slow to say that it is back is too slow to notice that nothing came.
    this.#slow = connection;
    this.#world.time.after(ms, () => {
      this.wire.connected();
      if (this.#slow === connection) this.#slow = null;
      if (this.connection === connection) this.put(JSON.stringify(this.wire.resume()));
    });
  }

  /** A connection beside the one that lives: what it says, if anything, makes it nobody. */
  dialBeside(saying: "nothing" | "a token that was never given" | "nonsense"): boolean {
    const { time, scenario } = this.#world;
    if (this.connection === null || this.wire.resumeToken === null) return false;
    const connection = new Connection(time, this.#random.fork(), { ...scenario.clientQuality });
    const token = this.wire.resumeToken;
    if (this.#relay.accept(connection, { dialect: this.dialect, token }) !== true) return false;
    if (saying === "nonsense") connection.send("far", '{"type":"session.resume"}');
    if (saying === "a token that was never given")
      connection.send("far", '{"type":"session.resume","resume_token":"never","last_received":0}');
    time.after(this.#random.between(500, 40_000), () => connection.close("far", 1000, ""));
    return true;
  }

  /** The page was loaded again: a client that knows nothing comes by its key, in this dialect, and speaks first. */
  beginAnew(dialect: Dialect, first: JsonObject): void {
    this.connection?.cut();
    this.connection = null;
    const { mayForget } = this.wire;
    this.wire = new DuplexWire(this.#world);
    this.wire.mayForget = mayForget;
    this.dialect = dialect;
    this.#down();
    const connection = this.dial();
    this.#world.time.after(connection.quality.delayMs + 1, () => {
      this.resumed();
      if (this.connection === connection) this.send(first);
    });
  }

  /** Its machine is gone: nothing is sent or taken any more, and no close is seen. */
  vanish(): void {
    const { connection } = this;
    this.restedOn = this.#relay.rests;
    connection?.blackHole("far");
    connection?.blackHole("near");
    // A plain client has no heartbeat: the network itself notices at last.
    if (!this.extended) this.#world.time.after(5000, () => connection?.cut());
    this.over = true;
    this.#host.lost("vanished");
  }

  #closed(code: number, reason: string): void {
    this.#world.checks.note(() => `client lost its connection: ${code} ${reason}`);
    this.connection = null;
    if (!this.wire.canResume || this.#relay.ended !== null) return this.lose(`closed ${code}`);
    this.#world.checks.count("outages");
    this.#down();
    this.#world.time.after(this.redialMs(), () => {
      if (!this.over && this.connection === null) this.dial();
    });
  }

  #down(): void {
    if (this.outages.at(-1)?.to === Infinity) return;
    this.outages.push({ from: this.#world.time.now, to: Infinity });
  }

  /** The relay took it up again. */
  resumed(): void {
    const last = this.outages.at(-1);
    if (last) last.to = this.#world.time.now;
  }

  /** Up for so long, and all that was sent until `moment` is there: acknowledged, where it can be. */
  settled(ms: number, moment: number): boolean {
    const since = this.outages.at(-1)?.to ?? 0;
    if (this.connection === null || this.#world.time.now - since < ms) return false;
    return this.extended ? this.wire.safeUpTo(moment) : !this.connection.owes("far", moment);
  }

  lose(what: string): void {
    this.connection?.close("far", 1000, "");
    this.connection = null;
    this.over = true;
    this.#host.lost(what);
  }

  /** Dials although the connection still lives: the new one takes the session over. */
  takeOver(): void {
    if (this.connection === null || !this.wire.canResume || this.wire.resuming) return;
    this.connection = null;
    this.#down();
    this.dial();
  }

  hangUp(): void {
    this.#world.checks.note(() => "client hangs up");
    this.connection?.close("far", 1000, "");
    this.connection = null;
    this.over = true;
  }

  /** What a `duplex.v1` client says about delivery, and notices. Call it often. */
  keepUp(): void {
    if (!this.extended) return;
    if (this.connection !== null && this.connection !== this.#slow && this.wire.dead) {
      const dead = this.connection;
      this.connection = null;
      dead.close("far", 1006, "");
      this.#closed(1006, "nothing received for 5 s");
    }
    if (this.connection === null) return;
    for (const event of this.wire.due()) this.put(JSON.stringify(event));
  }

  /** A numbered event. */
  send(event: JsonObject): void {
    if (event["type"] === "response.create") {
      this.#world.checks.count("asked by the client");
      this.askedAt = this.#world.time.now;
    }
    if (event["type"] === "session.update") this.updatedAt = this.#world.time.now;
    const sequence = this.wire.next();
    this.#numbered(
      sequence,
      JSON.stringify(this.extended ? { ...event, client_event_seq: sequence } : event),
    );
  }

  /** Caller audio: binary where it may be (docs/wire.md: whole samples), else base64, which may be cut anywhere. */
  sendAudio(bytes: Uint8Array): void {
    if (!this.extended || bytes.length % 2 === 1) {
      this.send({ type: "input_audio_buffer.append", audio: bytes.toBase64() });
      return;
    }
    const sequence = this.wire.next();
    this.#numbered(sequence, writeFrame({ kind: FRAME_AUDIO, stream: 0, response: 0, sequence }, bytes));
  }

  #numbered(sequence: number, data: Data): void {
    if (this.extended) this.wire.keep(sequence, data);
    if (!this.wire.resuming) this.put(data);
  }

  /** A message as it is, numbered by nobody. */
  raw(data: Data): void {
    if (!this.wire.resuming) this.put(data);
  }

  put(data: Data): void {
    this.#world.checks.note(() => `client → ${brief(data)}`);
    this.connection?.send("far", data);
  }
}
