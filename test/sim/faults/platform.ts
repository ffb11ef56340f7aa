/** What the platform does to an object: memory lost, sockets cut, clocks set, timers late, a store that fails. */
import type { SimulatedCall } from "../call.ts";
import type { Fault } from "./fault.ts";
import { hasProvider, isDuplex } from "./fault.ts";

function dies(kind: "crash" | "deploy"): Fault {
  const name = `platform.${kind}`;
  return {
    name,
    fits: isDuplex,
    needsResume: true,
    arm(call, random) {
      call.unsteady = true;
      for (let left = random.int(1, 2); left > 0; left -= 1) {
        call.sometime(random, () => {
          if (!call.relay.die(kind)) return;
          call.client.line.wire.mayForget = true;
          call.checks.strike(name);
        });
      }
    },
  };
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
  dies("deploy"),
  jump("platform.clock_back", (between) => -between(200, 60_000)),
  jump("platform.clock_forward", (between) => between(200, 4000)),
  late("platform.timer_late", (call) => () => (call.random.chance(0.2) ? call.random.between(50, 1500) : 0)),
  late("platform.timer_coarse", (call) => () => call.random.between(1, 30)),
  {
    name: "platform.store_fails",
    arm(call, random) {
      let inRow = 0;
      call.relay.store.fails = () => {
        // Tried again ever later: after six of them the next try comes when the call is long over.
        const fails = inRow < 4 && random.chance(0.4);
        inRow = fails ? inRow + 1 : 0;
        if (fails) call.checks.strike("platform.store_fails");
        return fails;
      };
    },
  },
  {
    // As the platform does it: a write that fails takes the object with it.
    name: "platform.store_kills",
    fits: isDuplex,
    needsResume: true,
    arm(call, random) {
      call.unsteady = true;
      call.client.line.wire.mayForget = true;
      call.relay.store.fails = () => call.time.now > 1500 && random.chance(0.08);
      call.relay.store.onFailure = () => {
        if (call.relay.die("crash")) call.checks.strike("platform.store_kills");
      };
    },
  },
  {
    name: "platform.store_slow",
    arm(call, random) {
      call.relay.store.writeMs = random.between(200, 1500);
      call.checks.strike("platform.store_slow");
    },
  },
];
