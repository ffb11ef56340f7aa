/** What the platform does to an object: memory lost, sockets cut, clocks set, timers late, a store that fails. */
import type { JsonObject } from "../../../src/upstreams/upstream.ts";
import type { SimulatedCall } from "../call.ts";
import { fields } from "../fields.ts";
import type { Random } from "../random.ts";
import type { Fault } from "./fault.ts";
import { hasProvider, isDuplex } from "./fault.ts";

/** By then an object that sleeps has woken again. */
const AFTER_SLEEP_MS = 50_000;

/** A timer may come so much later. */
const LATE_MS = 1500;
const VERY_LATE_MS = 3500;

/** What the client changed is to outlive the object, in the middle of a word too. */
const CHANGES: readonly string[] = ["client.semantic_vad", "client.no_interruption", "client.no_answers"];

function changed({ client, scenario }: SimulatedCall): boolean {
  const silence = (session: JsonObject) =>
    fields(fields(fields(session["audio"])["input"])["turn_detection"])["silence_duration_ms"];
  return client.shown["audio"] !== undefined && silence(client.shown) !== silence(scenario.session);
}

/** What the providers do to the dials of all other sessions that a deploy struck too. */
const STORM_MS = 2500;

function dies(kind: "crash" | "deploy" | "entry_dies" | "version"): Fault {
  const name = `platform.${kind}`;
  return {
    name,
    fits: isDuplex,
    needsResume: true,
    arm(call, random) {
      call.unsteady = true;
      const toMs = call.scenario.faults.includes("platform.evict") ? AFTER_SLEEP_MS : undefined;
      const changes = call.scenario.faults.some((one) => CHANGES.includes(one));
      const die = (): void => {
        if (!strikes[kind](call, random)) return;
        // An entry location knows nothing of the session.
        if (kind !== "entry_dies") call.client.line.wire.mayForget = true;
        call.checks.strike(name);
      };
      const strike = (): void => {
        if (!changes || kind === "entry_dies") return die();
        call.when(() => changed(call) && call.client.caller.speaking, die);
      };
      for (let left = random.int(1, 2); left > 0; left -= 1) call.sometime(random, strike, undefined, toMs);
    },
  };
}

type Strike = (call: SimulatedCall, random: Random) => boolean;

const strikes: { readonly [K in Parameters<typeof dies>[0]]: Strike } = {
  crash: ({ relay }) => relay.die("crash"),
  /** Of every object in the world, in one moment: providers take so many dials in a second. */
  deploy(call, random) {
    if (!call.relay.die("deploy")) return false;
    const stormMs = random.chance(0.5) ? random.between(0, STORM_MS) : 0;
    if (stormMs > 0) refuseDials(call, stormMs);
    return true;
  },
  /** The location that the client came in by: its Worker and the connection, not the object. */
  entry_dies({ client }, random) {
    const { connection } = client.line;
    connection?.fall(random.chance(0.5) ? random.between(0, 300) : random.between(300, 6000));
    return connection !== null;
  },
  /** A build that cannot read what the one before it stored, and soon the one before it again. */
  version(call, random) {
    const { relay } = call;
    if (!relay.die("deploy")) return false;
    relay.unreadable = true;
    call.time.after(random.between(200, 2500), () => {
      relay.unreadable = false;
    });
    return true;
  },
};

function refuseDials(call: SimulatedCall, ms: number): void {
  for (const { habits } of call.providers.values()) {
    const before = habits.refuses;
    habits.refuses = "HTTP 429";
    call.time.after(ms, () => {
      habits.refuses = before;
    });
  }
}

function jump(name: string, draw: (fromTo: (from: number, to: number) => number) => number): Fault {
  return {
    name,
    arm(call, random) {
      call.unsteady = true;
      call.sometime(random, () => {
        call.relay.clock.jump(draw((from, to) => random.between(from, to)));
        call.checks.strike(name);
      });
    },
  };
}

function late(name: string, ms: (call: SimulatedCall) => () => number): Fault {
  return {
    name,
    arm(call) {
      call.unsteady = true;
      const draw = ms(call);
      call.relay.clock.lateMs = () => {
        const by = draw();
        if (by > 0) call.checks.strike(name);
        return by;
      };
    },
  };
}

export const PLATFORM_FAULTS: readonly Fault[] = [
  {
    // A session rests after ten seconds of nothing, and its object sleeps after five more: the microphone is off for longer,
    // and upstreams are hung up meanwhile (scenario.ts).
    name: "platform.evict",
    fits: (scenario) => hasProvider(scenario) && isDuplex(scenario),
    arm(call, random) {
      let mutes = 2;
      const look = (): void => {
        if (call.client.over) return;
        if (mutes > 0 && call.client.idleFor(1500)) {
          mutes -= 1;
          call.client.caller.mute(random.between(17_000, 21_000));
        }
        if (call.relay.hibernate()) {
          call.checks.strike("platform.evict");
          // Its last writes failed, and it says so when it comes back.
          if (!call.relay.store.asleep) call.client.line.wire.mayForget = true;
        }
        call.time.after(50, look);
      };
      call.time.after(random.between(300, 2000), look);
    },
  },
  dies("crash"),
  {
    // A plain client comes to no session again: what is under way without one goes on, and its application looks on.
    name: "platform.crash_plain",
    fits: (scenario) => !isDuplex(scenario) && hasProvider(scenario),
    onlyNamed: true,
    arm(call, random) {
      const { checks, minds, relay, time } = call;
      call.unsteady = true;
      const looksOn = (): void => {
        relay.watched((data) => minds.observed(data));
        // What came of it in the moment of its return nobody was there to be told.
        if (relay.session !== null) minds.look(relay.session.snapshot());
      };
      call.sometime(random, looksOn, 300, 700);
      const die = (): void => {
        if (!relay.die("crash")) return;
        checks.strike("platform.crash_plain");
        call.client.name("the object died");
        time.after(random.between(20, 5000), looksOn);
      };
      call.sometime(random, () => call.when(() => minds.isWriting(relay.store.stored), die), 1500, 8000);
    },
  },
  dies("deploy"),
  dies("entry_dies"),
  dies("version"),
  jump("platform.clock_back", (between) => -between(200, 60_000)),
  jump("platform.clock_forward", (between) => between(200, 4000)),
  // When nobody is there any more they may be so late that several are due in one moment, the last of the session among them.
  late("platform.timer_late", (call) => {
    const mostMs = call.scenario.faults.includes("client.vanishes") ? VERY_LATE_MS : LATE_MS;
    return () => (call.random.chance(0.2) ? call.random.between(50, mostMs) : 0);
  }),
  late("platform.timer_coarse", (call) => () => call.random.between(1, 30)),
  {
    // A value that is too large is refused before it is written (call-store.ts).
    name: "platform.store_refuses",
    arm(call, random) {
      let inRow = 0;
      call.relay.store.refuses = () => {
        // Tried again ever later: after six of them the next try comes when the call is long over.
        const refuses = inRow < 4 && random.chance(0.4);
        inRow = refuses ? inRow + 1 : 0;
        if (refuses) call.checks.strike("platform.store_refuses");
        return refuses;
      };
    },
  },
  {
    // A write that fails takes the object with it, confirmed or not.
    name: "platform.store_fails",
    fits: isDuplex,
    needsResume: true,
    arm(call, random) {
      call.unsteady = true;
      call.client.line.wire.mayForget = true;
      call.relay.store.fails = () => call.time.now > 1500 && random.chance(0.08);
    },
  },
  {
    name: "platform.store_slow",
    arm(call, random) {
      call.relay.store.writeMs = random.between(200, 1500);
      call.checks.strike("platform.store_slow");
    },
  },
  {
    // An object of which nothing was stored for as long as a client is waited for dies, and its alarm rings before that one is back.
    name: "platform.alarm_after_death",
    fits: isDuplex,
    needsResume: true,
    onlyNamed: true,
    arm(call, random) {
      const { client, relay, time, checks } = call;
      const windowMs = call.scenario.limits.clientGoneMs ?? 0;
      call.unsteady = true;
      client.line.redialMs = () => random.between(300, 2000);
      // What is streamed is acknowledged, and stored for that: the microphone is off.
      let [mutes, deaths] = [2, 2];
      const look = (): void => {
        if (client.over || deaths === 0) return;
        if (mutes > 0 && client.idleFor(1500)) {
          mutes -= 1;
          client.caller.mute(windowMs + random.between(2000, 6000));
        }
        const old = relay.storedMs > windowMs;
        if (random.chance(old ? 0.2 : 0.002) && relay.die(random.pick(["crash", "deploy"]))) {
          deaths -= 1;
          client.line.wire.mayForget = true;
          time.after(random.between(0, 300), () => {
            relay.ring();
            checks.strike("platform.alarm_after_death");
            if (old) checks.count("alarms after the death of an object that was long silent");
          });
        }
        time.after(50, look);
      };
      time.after(500, look);
    },
  },
  // The session ends in the middle of whatever goes on: it is at its longest (scenario.ts), or its application ends it.
  { name: "platform.longest", onlyNamed: true, arm() {} },
  {
    name: "platform.terminated",
    onlyNamed: true,
    arm(call, random) {
      call.sometime(random, () => call.relay.terminate());
    },
  },
];
