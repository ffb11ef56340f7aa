/** Providers that are late, refuse, break off, stall, lie or fall silent. */
import type { SimulatedCall } from "../call.ts";
import type { Break, Performance } from "../performance.ts";
import type { Provider } from "../provider.ts";
import type { Random } from "../random.ts";
import { hasProvider, type Fault } from "./fault.ts";

function pickProvider(call: SimulatedCall, random: Random): Provider | null {
  const providers = [...call.providers.values()];
  return providers.length === 0 ? null : random.pick(providers);
}

/** Changes some answers of one provider: each with this probability, at most `most` of a call. */
function answers(
  name: string,
  when: "begin" | "break" | "end",
  change: (performance: Performance, random: Random, call: SimulatedCall) => void,
  most = 2,
): Fault {
  return {
    name,
    fits: hasProvider,
    arm(call, random) {
      let left = most;
      pickProvider(call, random)?.onAnswer.push((performance) => {
        if (left === 0 || performance.tool || !random.chance(0.6)) return;
        left -= 1;
        change(performance, random, call);
        performance.faults.push({ name, when });
      });
    },
  };
}

function breaks(name: string, how: Break, most = 1): Fault {
  return answers(
    name,
    "break",
    (performance, random) => {
      performance.breakAt = { ms: random.between(0, performance.totalMs * 0.9), how };
    },
    most,
  );
}

/** Does something to one provider's open connection at some moment. */
function hit(
  name: string,
  strike: (provider: Provider, random: Random, call: SimulatedCall) => boolean,
): Fault {
  return {
    name,
    fits: hasProvider,
    arm(call, random) {
      const provider = pickProvider(call, random);
      call.sometime(random, () => {
        if (provider && strike(provider, random, call)) call.checks.strike(name);
      });
    },
  };
}

/** The first connections of one provider go wrong. */
function dials(name: string, worsen: (provider: Provider, random: Random) => () => void): Fault {
  return {
    name,
    fits: hasProvider,
    arm(call, random) {
      const provider = pickProvider(call, random);
      if (!provider) return;
      const mend = worsen(provider, random);
      call.time.after(random.between(200, 5000), mend);
    },
  };
}

/** What it says that it hears has reached the relay. */
const TOLD_MS = 200;

/**
 * Its open connection becomes a black hole: now, or where it owes something. The client's next question vanishes in it; one that
 * decides by meaning has said that it hears somebody.
 */
function vanishes(call: SimulatedCall, provider: Provider): void {
  const { client, scenario, time, checks } = call;
  const since = time.now;
  const waits = (): boolean => {
    if (scenario.faults.includes("caller.create")) return client.line.askedAt <= since;
    const hearsSince = provider.open[0]?.hearsSince ?? Infinity;
    return scenario.vanishesHearing === true && hearsSince > time.now - TOLD_MS;
  };
  const look = (): void => {
    if (client.over) return;
    if (waits()) {
      time.after(20, look);
      return;
    }
    const [open] = provider.open;
    open?.blackHole();
    if (open) checks.strike("provider.hole_anytime");
  };
  look();
}

export const PROVIDER_FAULTS: readonly Fault[] = [
  breaks("provider.stall", "stall"),
  breaks("provider.close", "close"),
  breaks("provider.reset", "reset"),
  breaks("provider.fail", "fail", 2),
  breaks("provider.garbage", "garbage", 2),
  breaks("provider.expire", "expire"),
  breaks("provider.error", "error", 2),
  breaks("provider.hole_in_answer", "hole"),
  answers("provider.mute", "begin", (performance) => (performance.thinkMs = Infinity), 1),
  answers("provider.slow_first", "begin", (performance, random) => {
    performance.firstMs = random.between(900, 4000);
    // Before it says that it begins, perhaps.
    if (random.chance(0.4))
      [performance.thinkMs, performance.firstMs] = [performance.firstMs, performance.thinkMs];
  }),
  answers(
    "provider.trickle",
    "begin",
    (performance, random) => (performance.pace = random.between(0.5, 0.9)),
  ),
  answers("provider.burst", "begin", (performance) => {
    performance.pace = 1000;
    performance.totalMs = 6000;
  }),
  answers("provider.silent_voice", "begin", (performance, _, call) => {
    performance.silent = true;
    call.silentVoices = true;
  }),
  answers("provider.odd_chunks", "begin", (performance) => (performance.odd = true), 9),
  answers("provider.done_twice", "end", (performance) => (performance.epilogue = "twice"), 9),
  answers("provider.late_delta", "end", (performance) => (performance.epilogue = "late"), 9),
  dials("provider.refuse", (provider, random) => {
    provider.habits.refuses = random.pick(["HTTP 503", "HTTP 401", "HTTP 429", "connection failed"]);
    return () => (provider.habits.refuses = null);
  }),
  dials("provider.no_answer", (provider) => {
    provider.habits.picksUp = false;
    return () => (provider.habits.picksUp = true);
  }),
  dials("provider.never_ready", (provider) => {
    provider.habits.configures = false;
    return () => (provider.habits.configures = true);
  }),
  // Part of the plan: see scenario.ts, and relay.ts for the count.
  { name: "provider.rollover", fits: hasProvider, arm() {} },
  { name: "provider.standby", fits: hasProvider, arm() {} },
  {
    name: "provider.slow_reader",
    fits: hasProvider,
    arm(call, random) {
      // Little more than what the caller says, which is base64.
      call.unsteady = true;
      const bytesPerMs = (call.scenario.rateHz / 1000) * 2 * (4 / 3);
      call.scenario.providerQuality.speed = bytesPerMs * random.between(1.2, 3);
      call.checks.strike("provider.slow_reader");
    },
  },
  {
    name: "provider.slow_dial",
    fits: hasProvider,
    arm(call, random) {
      const provider = pickProvider(call, random);
      if (!provider) return;
      provider.habits.dialMs = random.between(800, 2800);
      provider.onCall.push(() => call.checks.strike("provider.slow_dial"));
    },
  },
  hit("provider.close_anytime", (provider, random) => {
    const [open] = provider.open;
    open?.hangUp(random.pick([1000, 1001, 1006, 1011, 1012]), "");
    return open !== undefined;
  }),
  hit("provider.reset_in_turn", (provider, _, call) => {
    const [open] = provider.open;
    if (!open || !call.client.caller.speaking) return false;
    open.reset();
    return true;
  }),
  {
    name: "provider.hole_anytime",
    fits: hasProvider,
    arm(call, random) {
      const provider = pickProvider(call, random);
      if (provider) call.sometime(random, () => vanishes(call, provider));
    },
  },
  hit("provider.line_stall", (provider, random, call) => {
    call.unsteady = true;
    const [open] = provider.open;
    open?.stall(random.between(300, 2500));
    return open !== undefined;
  }),
];
