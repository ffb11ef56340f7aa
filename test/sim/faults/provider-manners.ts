/** Providers that are there and do not do what they should: in answers, in cancellations, in what they are told. */
import type { SimulatedCall } from "../call.ts";
import type { Moment, Performance } from "../performance.ts";
import type { Provider } from "../provider.ts";
import type { Random } from "../random.ts";
import { hasProvider, type Fault } from "./fault.ts";

/** Changes some answers, at most `most`, of every provider. */
function manner(
  name: string,
  when: Moment,
  most: number,
  change: (performance: Performance, random: Random, call: SimulatedCall) => void,
): Fault {
  return {
    name,
    fits: hasProvider,
    arm(call, random) {
      let left = most;
      for (const provider of call.providers.values()) {
        provider.onAnswer.push((performance) => {
          if (left <= 0 || performance.tool || !random.chance(0.7)) return;
          left -= 1;
          change(performance, random, call);
          performance.faults.push({ name, when });
        });
      }
    },
  };
}

function habit(
  name: string,
  strikes: boolean,
  change: (provider: Provider, random: Random, call: SimulatedCall) => void,
): Fault {
  return {
    name,
    fits: hasProvider,
    arm(call, random) {
      for (const provider of call.providers.values()) change(provider, random, call);
      if (strikes) call.checks.strike(name);
    },
  };
}

const ALWAYS = Infinity;

/** The caller talks into it while it is still being given. */
function interrupted(performance: Performance, random: Random, call: SimulatedCall): void {
  performance.pace = 1.1;
  performance.totalMs = 4000;
  call.client.caller.interruptAfter(random.between(100, 1200));
}

export const TELLS_LATE = "provider.tells_late";

export const PROVIDER_MANNERS: readonly Fault[] = [
  // `response.created`, and then nothing.
  manner("provider.never_begins", "begin", 2, (performance) => (performance.firstMs = Infinity)),
  // One that takes the turns by itself need not answer.
  {
    ...manner("provider.swallows_ask", "begin", 1, (performance) => (performance.swallowed = true)),
    fits: (scenario) => scenario.upstreams.every(({ kind }) => kind === "turns"),
  },
  manner("provider.ends_early", "begin", 3, (performance, random) => {
    if (random.chance(0.5)) performance.empty = true;
    else performance.totalMs = random.int(1, 80);
  }),
  // One of several, which takes the turns by itself, ends them soon, and has nothing to say to them.
  {
    name: "provider.only_listens",
    onlyNamed: true,
    fits: ({ upstreams }) => ["server", "turns"].every((kind) => upstreams.some((one) => one.kind === kind)),
    arm(call, random) {
      for (const { kind, habits, onAnswer } of call.providers.values()) {
        if (kind !== "server") continue;
        habits.vadSilenceMs = random.between(120, 200);
        onAnswer.push((performance) => {
          performance.empty = true;
          performance.firstMs = 20;
        });
      }
      call.checks.strike("provider.only_listens");
    },
  },
  // What it says of a turn's end is long on its way, the caller goes on, and it has fallen silent by then, and is lost.
  {
    name: TELLS_LATE,
    onlyNamed: true,
    fits: ({ upstreams: [one, ...more], tools }) => one?.kind === "server" && more.length === 0 && !tools,
    arm(call, random) {
      call.unsteady = true;
      let left = 2;
      for (const provider of call.providers.values()) {
        provider.onAnswer.push((performance) => (performance.thinkMs = 2000));
        if (provider.kind === "server")
          provider.onTurnEnd = (told) => {
            if (left === 0 || call.client.over) return;
            left -= 1;
            call.checks.strike(TELLS_LATE);
            const lateMs = random.between(200, 600);
            told.stall(lateMs);
            call.time.after(1, () => (provider.silenced = told));
            call.client.caller.goOn();
            const lost = random.chance(0.5) ? () => told.reset() : () => told.hangUp(1011, "");
            call.time.after(lateMs + random.between(100, 300), () => told.open && lost());
          };
      }
    },
  },
  manner("provider.near_silent", "begin", ALWAYS, (performance, _, call) => {
    performance.faint = true;
    call.silentVoices = true;
  }),
  manner("provider.ignores_cancel", "cancel", 3, (performance, random, call) => {
    interrupted(performance, random, call);
    performance.onCancel = "goes on";
  }),
  manner("provider.slow_cancel", "cancel", 3, (performance, random, call) => {
    interrupted(performance, random, call);
    performance.onCancel = random.between(300, 4500);
  }),
  manner("provider.ends_late", "end", 3, (performance, random) => {
    performance.lingerMs = random.between(300, 2500);
  }),
  manner("provider.dies_in_answers", "break", ALWAYS, (performance, random) => {
    performance.breakAt = { ms: random.between(0, performance.totalMs * 0.5), how: "close" };
  }),
  habit("provider.dies_when_ready", false, (provider, random, call) => {
    provider.habits.diesAfterReadyMs = random.between(0, 60);
    if (random.chance(0.3)) return;
    call.time.after(random.between(500, 6000), () => (provider.habits.diesAfterReadyMs = null));
  }),
  habit("provider.repeats_ids", true, (provider) => (provider.habits.repeatsIds = true)),
  {
    ...habit("provider.ends_turns_early", true, (provider, random) => {
      provider.habits.vadSilenceMs = random.between(120, 300);
    }),
    fits: (scenario) => scenario.upstreams.some(({ kind }) => kind === "server"),
  },
  // The arguments of a call, a little at a time: in between the client may not read, or nobody may listen (SPEC B90).
  {
    name: "provider.calls_in_pieces",
    onlyNamed: true,
    fits: (scenario) => hasProvider(scenario) && scenario.tools,
    arm(call, random) {
      for (const { onAnswer } of call.providers.values())
        onAnswer.push((performance) => {
          if (!performance.tool) return;
          performance.pieces = random.int(20, 300);
          performance.pieceMs = random.between(0.5, 20);
          performance.faults.push({ name: "provider.calls_in_pieces", when: "begin" });
        });
    },
  },
  habit("provider.refuses_update", false, (provider, random, call) => {
    const most = random.int(1, 9);
    // Refused as a whole, and judged field by field then.
    const session = { type: "realtime", instructions: `Be brief ${most}.`, max_output_tokens: 1000 + most };
    const change = () => call.client.line.send({ type: "session.update", session });
    provider.habits.refusesUpdates = 1;
    // A refusal is told; who wants the change says it again.
    provider.onRefusedUpdate = () => {
      call.checks.strike("provider.refuses_update");
      call.time.after(1500, change);
    };
    call.sometime(random, change);
  }),
];
